"""What is sent to a server and what is made of its answers, without a network: Client and AsyncClient both run this.

An exchange is a generator. It asks for one thing at a time, `Send`, `Get` or `Wait`, is given the response (None after
a wait), and returns the result. The file to be heard is open for as long as the generator is.

A full or starting server answers 429 or 503 and says in Retry-After when to come back: the exchange waits that long and
sends the recording again, for at most `retry_for_s` seconds. Every other refusal is raised at once as ApiError.
"""

import io
import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path, PurePath
from typing import Any, BinaryIO, TypedDict, TypeVar

import httpx

from timeaudio.formats import DEFAULT_NAME, FormatName, find
from timeaudio.replies import parsed, refusal, retry_after_s
from timeaudio.results import DenseCaption, Grounding, QuestionAnswer, Summary

DEFAULT_URL = "http://127.0.0.1:8000"
RETRIED_STATUSES = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})
CONNECT_TIMEOUT_S = 10.0
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.5, 8.0  # when the server names no time: doubled from the first to the last

Audio = str | os.PathLike[str] | bytes | BinaryIO
A = TypeVar("A", DenseCaption, Grounding, Summary, QuestionAnswer)
T = TypeVar("T")


class Options(TypedDict, total=False):
    """What may be asked beside the task. Absent means: as the server decides.

    `start` and `end` bound the part that is analysed and `timeout_s` the whole request, in seconds.
    """

    start: float
    end: float
    num_beams: int
    max_new_tokens: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Send:
    """Post a form with a recording. The file's name stays here: the server has no use for it."""

    path: str
    fields: Mapping[str, Any]
    stream: BinaryIO

    def content(self) -> dict[str, Any]:
        """Arguments for httpx, the recording from its start."""
        self.stream.seek(0)
        return {"data": dict(self.fields), "files": {"file": ("audio", self.stream)}}


@dataclass(frozen=True, slots=True)
class Get:
    """Get a page."""

    path: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait, in seconds."""

    seconds: float


Steps = Generator[Send | Get | Wait, httpx.Response | None, T]


class Exchange:
    """The exchanges with one server.

    Units: `retry_for_s` is seconds of patience with a busy server.
    Raises:
        ValueError: the address is not of the form http://HOST:PORT.
    """

    def __init__(self, base_url: str, *, retry_for_s: float) -> None:
        self.url = _checked_url(base_url)
        self._retry_for_s = retry_for_s

    def connection(self, timeout: float) -> dict[str, Any]:
        """Arguments for an httpx client. Units: `timeout` is seconds without a byte from the server."""
        return {
            "base_url": self.url,
            "timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT_S)),
            "trust_env": not _is_loopback(self.url.host),  # a proxy cannot reach this very machine
        }

    def dense_caption(self, audio: Audio, options: Options, form: FormatName) -> Steps[DenseCaption | str]:
        """Ask for every event."""
        return self._hear("/v1/dense-caption", audio, options, DenseCaption, form)

    def ground(
        self, audio: Audio, queries: str | Sequence[str], options: Options, form: FormatName
    ) -> Steps[Grounding | str]:
        """Ask for the times of each query."""
        words = [queries] if isinstance(queries, str) else list(queries)
        return self._hear("/v1/ground", audio, {**options, "query": words}, Grounding, form)

    def summarize(self, audio: Audio, options: Options, form: FormatName) -> Steps[Summary | str]:
        """Ask what is said."""
        return self._hear("/v1/summarize", audio, options, Summary, form)

    def ask(self, audio: Audio, question: str, options: Options, form: FormatName) -> Steps[QuestionAnswer | str]:
        """Ask a question."""
        return self._hear("/v1/ask", audio, {**options, "question": question}, QuestionAnswer, form)

    def ready(self) -> Steps[bool]:
        """Ask whether the server would take a recording now."""
        response = yield Get("/readyz")
        return response is not None and response.is_success

    def _hear(
        self, path: str, audio: Audio, fields: Mapping[str, Any], kind: type[A], form: FormatName
    ) -> Steps[A | str]:
        """The parsed answer to one recording, or its text in a format other than JSON.

        The format is written here, so that it can name the file, whose name the server is not told.
        """
        format_ = find(form)  # before anything is sent
        with _opened(audio) as stream:
            response = yield from self._patiently(Send(path, fields, stream))
        if not response.is_success:
            raise refusal(response, self.url)
        answer = parsed(response, kind, self.url)
        return answer if form == "json" else format_.write(answer, _name(audio))

    def _patiently(self, request: Send) -> Steps[httpx.Response]:
        """The last response: the first that is neither 429 nor 503, or whichever one ended the patience."""
        give_up_at = time.monotonic() + self._retry_for_s
        backoff_s = FIRST_BACKOFF_S
        while True:
            response = yield request
            assert response is not None, "a request is answered"
            wait_s = retry_after_s(response)
            if wait_s is None:
                wait_s, backoff_s = backoff_s, min(2 * backoff_s, LAST_BACKOFF_S)
            if response.status_code not in RETRIED_STATUSES or time.monotonic() + wait_s >= give_up_at:
                return response
            yield Wait(wait_s)


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


def _name(audio: Audio) -> str:
    """What a recording is called: the name of its file, where it is one."""
    if isinstance(audio, str | os.PathLike):
        return PurePath(audio).name
    name = getattr(audio, "name", None)
    return PurePath(name).name if isinstance(name, str) else DEFAULT_NAME
