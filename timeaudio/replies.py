"""What a response means: an answer, a refusal, or that nobody who understands us was there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from timeaudio.errors import ApiError, ServerUnreachable, UnexpectedAnswer
from timeaudio.results import Result

R = TypeVar("R", bound=Result)


def parsed(response: httpx.Response, kind: type[R], url: httpx.URL) -> R:
    """The answer that the server at `url` gave.

    Raises:
        UnexpectedAnswer: it is of another shape.
    """
    return parsed_json(response.content, kind, url)


def parsed_json(text: str | bytes, kind: type[R], url: httpx.URL) -> R:
    """An answer, or a piece of one, that came from the server at `url`. Raises: as `parsed`."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"{url} answered, but not as a TimeAudio server of this version does "
            f"({error.error_count()} fields wrong). Check the address, and that both sides are up to date."
        ) from error


def refusal(response: httpx.Response, url: httpx.URL) -> ApiError:
    """The problem that a response carries; a made-up one where something other than our server answered."""
    problem: Any = None
    if "json" in response.headers.get("content-type", ""):
        try:
            problem = response.json()
        except ValueError:
            problem = None
    if not isinstance(problem, Mapping):
        reason = response.reason_phrase or "an error"
        detail = f"{url} answered {response.status_code} {reason}. Check that a TimeAudio server runs there."
        problem = {"title": reason, "detail": detail}
    return ApiError(response.status_code, problem, retry_after_s=retry_after_s(response))


def retry_after_s(response: httpx.Response) -> float | None:
    """Seconds until the server wants to be asked again; None when it does not say, or says it unreadably.

    Source: RFC 9110 section 10.2.3 (a count of seconds, or a date).
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


@contextmanager
def reached(url: httpx.URL) -> Iterator[None]:
    """Around what talks to the server at `url`.

    Raises:
        ServerUnreachable: in place of httpx's own errors.
    """
    try:
        yield
    except httpx.ConnectError as error:
        raise ServerUnreachable(
            f"No server answers at {url}. Start one with `timeaudio serve`, or check the address."
        ) from error
    except httpx.TimeoutException as error:
        raise ServerUnreachable(f"{url} did not answer in time. Ask for less, or raise `timeout`.") from error
    except httpx.TransportError as error:
        raise ServerUnreachable(f"The connection to {url} broke ({error}). Try again.") from error
