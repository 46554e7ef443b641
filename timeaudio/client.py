"""Client: one method per task, over REST.

A full or starting server answers 429 or 503 and says in Retry-After when to come back; the client waits that long and
sends the recording again, for at most `retry_for_s` seconds. Every other refusal is raised at once as ApiError.
"""

import io
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypedDict, TypeVar, Unpack

import httpx
from pydantic import ValidationError

from timeaudio.errors import ApiError, ServerUnreachable, UnexpectedAnswer
from timeaudio.results import DenseCaption, Grounding, Result

DEFAULT_URL = "http://127.0.0.1:8000"
RETRIED_STATUSES = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})
CONNECT_TIMEOUT_S = 10.0
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.5, 8.0  # when the server names no time: doubled from the first to the last

Audio = str | os.PathLike[str] | bytes | BinaryIO
ResultType = TypeVar("ResultType", bound=Result)


class Options(TypedDict, total=False):
    """What may be asked beside the task. Absent means: as the server decides.

    `start` and `end` bound the part that is analysed and `timeout_s` the whole request, in seconds.
    """

    start: float
    end: float
    num_beams: int
    max_new_tokens: int
    timeout_s: float


class Client:
    """A connection to one TimeAudio server; use it as a context manager, or call `close`.

    `audio` is a path, the bytes of an audio file, or a binary file object (read from where it stands).

    Example:
        with Client("http://127.0.0.1:8000") as client:
            for event in client.dense_caption("street.flac").events:
                print(event.caption, event.intervals)
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        timeout: float = 600.0,
        retry_for_s: float = 60.0,
    ) -> None:
        """Prepares a connection; nothing is sent yet.

        Units: `timeout` is seconds without a byte from the server, `retry_for_s` seconds of patience with a busy one.
        Raises:
            ValueError: the address is not of the form http://HOST:PORT.
        """
        self._url = _checked_url(base_url)
        self._retry_for_s = retry_for_s
        self._http = httpx.Client(
            base_url=self._url,
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT_S)),
            trust_env=not _is_loopback(self._url.host),  # a proxy cannot reach this very machine
        )

    def dense_caption(self, audio: Audio, **options: Unpack[Options]) -> DenseCaption:
        """Every event of a recording, with its intervals and a caption.

        Raises:
            ApiError: the server refused; its `detail` says what to do.
            ServerUnreachable: no answer came.
            UnexpectedAnswer: the answer was not a TimeAudio server's.
            OSError: the file cannot be read.
        """
        return self._hear("/v1/dense-caption", audio, options, DenseCaption)

    def ground(self, audio: Audio, queries: str | Sequence[str], **options: Unpack[Options]) -> Grounding:
        """Where each query happens; the recording is sent and encoded once for all of them.

        Raises:
            ApiError, ServerUnreachable, UnexpectedAnswer, OSError: as for `dense_caption`.
        """
        words = [queries] if isinstance(queries, str) else list(queries)
        return self._hear("/v1/ground", audio, {**options, "query": words}, Grounding)

    def is_ready(self) -> bool:
        """Whether the server would take a recording now; False too when nobody answers."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hear(self, path: str, audio: Audio, fields: Mapping[str, Any], kind: type[ResultType]) -> ResultType:
        """The parsed answer to one recording."""
        response = self._post(path, audio, fields)
        if not response.is_success:
            raise self._refusal(response)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise UnexpectedAnswer(
                f"{self._url} answered, but not as a TimeAudio server of this version does "
                f"({error.error_count()} fields wrong). Check the address, and that both sides are up to date."
            ) from error

    def _post(self, path: str, audio: Audio, fields: Mapping[str, Any]) -> httpx.Response:
        """The last response: the first that is neither 429 nor 503, or whichever one ended the patience."""
        give_up_at = time.monotonic() + self._retry_for_s
        with _opened(audio) as stream:
            for attempt in itertools.count():
                response = self._send(path, stream, fields)
                if response.status_code not in RETRIED_STATUSES:
                    break
                wait_s = _retry_after_s(response)
                if wait_s is None:
                    wait_s = min(FIRST_BACKOFF_S * 2**attempt, LAST_BACKOFF_S)
                if time.monotonic() + wait_s >= give_up_at:
                    break
                time.sleep(wait_s)
        return response

    def _send(self, path: str, stream: BinaryIO, fields: Mapping[str, Any]) -> httpx.Response:
        """One attempt. The file's name stays here: the server has no use for it."""
        stream.seek(0)
        try:
            return self._http.post(path, data=dict(fields), files={"file": ("audio", stream)})
        except httpx.ConnectError as error:
            raise ServerUnreachable(
                f"No server answers at {self._url}. Start one with `timeaudio serve`, or check the address."
            ) from error
        except httpx.TimeoutException as error:
            raise ServerUnreachable(f"{self._url} did not answer in time. Ask for less, or raise `timeout`.") from error
        except httpx.TransportError as error:
            raise ServerUnreachable(f"The connection to {self._url} broke ({error}). Try again.") from error

    def _refusal(self, response: httpx.Response) -> ApiError:
        """The problem that a response carries; a made-up one where something other than our server answered."""
        problem: Any = None
        if "json" in response.headers.get("content-type", ""):
            try:
                problem = response.json()
            except ValueError:
                problem = None
        if not isinstance(problem, Mapping):
            reason = response.reason_phrase or "an error"
            detail = f"{self._url} answered {response.status_code} {reason}. Check that a TimeAudio server runs there."
            problem = {"title": reason, "detail": detail}
        return ApiError(response.status_code, problem, retry_after_s=_retry_after_s(response))


def _checked_url(base_url: str) -> httpx.URL:
    """The address as a URL with a scheme that HTTP clients speak and a host."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{base_url!r} is no address: {error}. Give it as http://HOST:PORT.") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{base_url!r} is no address. Give it as http://HOST:PORT.")
    return url


def _is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _opened(audio: Audio) -> AbstractContextManager[BinaryIO]:
    """A stream that can be sent again from its start. A path is streamed from disk; all else is held in memory."""
    if isinstance(audio, str | os.PathLike):
        return Path(audio).open("rb")
    return nullcontext(io.BytesIO(audio if isinstance(audio, bytes) else audio.read()))


def _retry_after_s(response: httpx.Response) -> float | None:
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
