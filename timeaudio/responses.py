"""Interpret HTTP responses: an answer, a refusal, or a response of another kind of server."""

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
    """Parse the answer of the server at `url`.

    Raises:
        UnexpectedAnswer: the answer does not have the expected fields.
    """
    return parsed_json(response.content, kind, url)


def parsed_json(text: str | bytes, kind: type[R], url: httpx.URL) -> R:
    """Parse an answer, or a piece of one, from the server at `url`. Raises: as `parsed`."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"The answer from {url} is not that of a TimeAudio server of this version "
            f"({error.error_count()} invalid fields). Check the address, and that both sides are up to date."
        ) from error


def refusal(response: httpx.Response, url: httpx.URL) -> ApiError:
    """Return the problem in a response, or a generic one if the response is not that of a TimeAudio server."""
    problem: Any = None
    if "json" in response.headers.get("content-type", ""):
        try:
            problem = response.json()
        except ValueError:
            problem = None
    if not isinstance(problem, Mapping):
        reason = response.reason_phrase or "an error"
        detail = f"{url} answered {response.status_code} {reason}. Check that it is a TimeAudio server."
        problem = {"title": reason, "detail": detail}
    return ApiError(response.status_code, problem, retry_after_s=retry_after_s(response))


def retry_after_s(response: httpx.Response) -> float | None:
    """Return the seconds until the server accepts a retry; None if the header is absent or invalid.

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
    """Convert httpx's errors for the server at `url`.

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
        raise ServerUnreachable(f"{url} did not answer in time. Send less audio, or raise `timeout`.") from error
    except httpx.TransportError as error:
        raise ServerUnreachable(f"The connection to {url} broke ({error}). Try again.") from error
