"""The requests and the retry policy that both clients share, for any transport.

A full or starting server says when to retry; the client then sends the recording again, for at most `retry_for_s`
seconds. Every other refusal is raised at once as ApiError.
"""

import io
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final, Generic, Literal, Protocol, TypedDict, TypeVar

from timeaudio.errors import ApiError
from timeaudio.formats import DEFAULT_NAME, FormatName, find
from timeaudio.results import AnyAnswer, Beginning, DenseCaption, Grounding, Piece, QuestionAnswer, Summary

DEFAULT_URL: Final = "http://127.0.0.1:8000"
RETRIED_STATUSES: Final = frozenset({429, 503})
CONNECT_TIMEOUT_S: Final = 10.0
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.5, 8.0  # when the server names no time: doubled from the first to the last

Audio = str | os.PathLike[str] | bytes | BinaryIO
TaskName = Literal["dense_caption", "ground", "summarize", "ask"]
A = TypeVar("A", bound=AnyAnswer)

Part = Beginning | Piece | AnyAnswer
"""What a stream consists of: a beginning, pieces, and the whole answer."""


class RequestOptions(TypedDict, total=False):
    """Optional fields of a request. The server chooses what is absent.

    `start` and `end` bound the part that is analysed and `timeout_s` the whole request, in seconds. The server omits
    intervals below `min_confidence`, 0 to 1; above 0 it needs a calibrated model.
    """

    start: float
    end: float
    num_beams: int
    max_new_tokens: int
    min_confidence: float
    timeout_s: float


class AudioSource:
    """A recording that can be sent repeatedly. A path is read from disk; anything else is held in memory."""

    def __init__(self, audio: Audio) -> None:
        self.name = _name(audio)
        self._audio = audio if isinstance(audio, str | os.PathLike | bytes) else audio.read()

    def opened(self) -> BinaryIO:
        """Open the recording at its start.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(self._audio, bytes):
            return io.BytesIO(self._audio)
        return Path(self._audio).open("rb")


@dataclass(frozen=True, slots=True)
class AudioRequest(Generic[A]):
    """A request about a recording, and the format of its answer.

    Attributes:
        words: the text fields of the request, by their name in the form.
    """

    task: TaskName
    kind: type[A]
    recording: AudioSource
    options: RequestOptions
    words: Mapping[str, Any]
    form: FormatName = "json"

    def written(self, answer: A) -> A | str:
        """Return the answer, or its text in a format other than JSON.

        The client writes the format, because formats may name the file and the server does not know its name.
        """
        return answer if self.form == "json" else find(self.form).write(answer, self.recording.name)


def dense_caption(audio: Audio, options: RequestOptions, form: FormatName = "json") -> AudioRequest[DenseCaption]:
    """Ask for every event."""
    return _asked("dense_caption", DenseCaption, audio, options, {}, form)


def ground(
    audio: Audio, queries: str | Sequence[str], options: RequestOptions, form: FormatName = "json"
) -> AudioRequest[Grounding]:
    """Ask for the times of each query."""
    words = [queries] if isinstance(queries, str) else list(queries)
    return _asked("ground", Grounding, audio, options, {"query": words}, form)


def summarize(audio: Audio, options: RequestOptions, form: FormatName = "json") -> AudioRequest[Summary]:
    """Ask for a summary of the speech."""
    return _asked("summarize", Summary, audio, options, {}, form)


def ask(
    audio: Audio, question: str, options: RequestOptions, form: FormatName = "json"
) -> AudioRequest[QuestionAnswer]:
    """Ask a question."""
    return _asked("ask", QuestionAnswer, audio, options, {"question": question}, form)


def _asked(
    task: TaskName, kind: type[A], audio: Audio, options: RequestOptions, words: Mapping[str, Any], form: FormatName
) -> AudioRequest[A]:
    find(form)  # before anything is sent
    return AudioRequest(task, kind, AudioSource(audio), options, words, form)


class LiveOptions(TypedDict, total=False):
    """The format of live sound (by default 16 kHz, mono, 16 bits), and how to analyse it.

    `sample_rate` is samples per second and channel; `window_s` is the window length in seconds, 5 to 30 (10).
    """

    sample_rate: int
    channels: int
    encoding: Literal["s16le", "f32le"]
    window_s: float
    num_beams: int
    max_new_tokens: int
    min_confidence: float


C = TypeVar("C", Iterable[bytes], AsyncIterable[bytes])


@dataclass(frozen=True, slots=True)
class LiveRequest(Generic[A, C]):
    """A request about live sound. `chunks` may be split anywhere."""

    task: Literal["dense_caption", "ground"]
    kind: type[A]
    chunks: C
    queries: Sequence[str]
    options: LiveOptions


def live_dense_caption(chunks: C, options: LiveOptions) -> LiveRequest[DenseCaption, C]:
    """Ask for every event of live sound."""
    return LiveRequest("dense_caption", DenseCaption, chunks, (), options)


def live_ground(chunks: C, queries: str | Sequence[str], options: LiveOptions) -> LiveRequest[Grounding, C]:
    """Ask for the times of each query in live sound."""
    return LiveRequest("ground", Grounding, chunks, [queries] if isinstance(queries, str) else list(queries), options)


class RetryPolicy:
    """The retries of one request to a busy server. Units: seconds."""

    def __init__(self, retry_for_s: float) -> None:
        self._give_up_at = time.monotonic() + retry_for_s
        self._backoff_s = FIRST_BACKOFF_S

    def wait_s(self, error: ApiError) -> float:
        """Return how long to wait before sending the request again.

        Raises:
            ApiError: `error`, if a retry cannot help or would come too late.
        """
        wait_s = error.retry_after_s
        if wait_s is None:
            wait_s, self._backoff_s = self._backoff_s, min(2 * self._backoff_s, LAST_BACKOFF_S)
        if error.status not in RETRIED_STATUSES or time.monotonic() + wait_s >= self._give_up_at:
            raise error
        return wait_s


class Transport(Protocol):
    """Sends one request at a time, without retries. Raises the errors of `timeaudio.errors`."""

    def whole(self, request: AudioRequest[A]) -> A:
        """Return the whole answer."""

    def parts(self, request: AudioRequest[Any]) -> Iterator[Part]:
        """Yield the answer as it is found. Closing the iterator cancels the request."""

    def live(self, live: LiveRequest[Any, Iterable[bytes]]) -> Iterator[Part]:
        """Yield the answer for live sound.

        Raises:
            ValueError: this transport does not support live sound.
        """

    def ready(self) -> bool:
        """Return whether the server accepts requests now."""

    def close(self) -> None:
        """Close the connection."""


class AsyncTransport(Protocol):
    """`Transport` for asynchronous callers."""

    async def whole(self, request: AudioRequest[A]) -> A:
        """See `Transport.whole`."""

    def parts(self, request: AudioRequest[Any]) -> AsyncIterator[Part]:
        """See `Transport.parts`."""

    def live(self, live: LiveRequest[Any, AsyncIterable[bytes]]) -> AsyncIterator[Part]:
        """See `Transport.live`."""

    async def ready(self) -> bool:
        """See `Transport.ready`."""

    async def close(self) -> None:
        """See `Transport.close`."""


def _name(audio: Audio) -> str:
    """Return the name of the recording's file, or a default."""
    if isinstance(audio, str | os.PathLike):
        return PurePath(audio).name
    name = getattr(audio, "name", None)
    return PurePath(name).name if isinstance(name, str) else DEFAULT_NAME
