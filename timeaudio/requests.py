"""The requests and the retry policy that both clients share, for any transport.

A full or starting server says when to retry; the client then sends the recording again, for at most `retry_for_s`
seconds. Every other refusal is raised at once as ApiError.
"""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from timeaudio.audio_source import Audio, AudioSource
from timeaudio.errors import ApiError
from timeaudio.formats import FormatName, find
from timeaudio.request_options import (
    LiveOptions,
    RequestOptions,
    checked_format,
    checked_options,
    checked_queries,
    checked_words,
)
from timeaudio.results import AnyAnswer, Beginning, DenseCaption, Grounding, Piece, Progress, QuestionAnswer, Summary

DEFAULT_URL: Final = "http://127.0.0.1:8000"
RETRIED_STATUSES: Final = frozenset({429, 503})
CONNECT_TIMEOUT_S: Final = 10.0
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.5, 8.0  # when the server names no time: doubled from the first to the last

TaskName = Literal["dense_caption", "ground", "summarize", "ask"]
A = TypeVar("A", bound=AnyAnswer)

Part = Beginning | Progress | Piece | AnyAnswer
"""What a stream consists of: a beginning, pieces and progress, and the whole answer."""

OnProgress = Callable[[int, int], object]
"""Called with the number of passes that are done, and of all passes."""


@dataclass(frozen=True, slots=True)
class AudioRequest(Generic[A]):
    """A request about a recording, and the format of its answer.

    Attributes:
        words: the text fields of the request, by their name in the form.
    """

    task: TaskName
    kind: type[A]
    recording: AudioSource
    options: Mapping[str, Any]
    words: Mapping[str, Any]
    form: FormatName = "json"

    def written(self, answer: A) -> A | str:
        """Return the answer, or its text in a format other than JSON.

        The client writes the format, because formats may name the file and the server does not know its name.
        """
        return answer if self.form == "json" else find(self.form).write(answer, self.recording.name)


def dense_caption(audio: Audio, options: RequestOptions, form: FormatName = "json") -> AudioRequest[DenseCaption]:
    """Ask for every event."""
    return _request("dense_caption", DenseCaption, audio, options, {}, form)


def ground(
    audio: Audio, queries: str | Sequence[str], options: RequestOptions, form: FormatName = "json"
) -> AudioRequest[Grounding]:
    """Ask for the times of each query."""
    return _request("ground", Grounding, audio, options, {"query": checked_queries(queries)}, form)


def summarize(audio: Audio, options: RequestOptions, form: FormatName = "json") -> AudioRequest[Summary]:
    """Ask for a summary of the speech."""
    return _request("summarize", Summary, audio, options, {}, form)


def ask(
    audio: Audio, question: str, options: RequestOptions, form: FormatName = "json"
) -> AudioRequest[QuestionAnswer]:
    """Ask a question."""
    return _request("ask", QuestionAnswer, audio, options, {"question": checked_words(question, "question")}, form)


def _request(
    task: TaskName, kind: type[A], audio: Audio, options: RequestOptions, words: Mapping[str, Any], form: FormatName
) -> AudioRequest[A]:
    # Check everything before anything is sent, so that all transports raise the same errors.
    form = checked_format(form)
    find(form)
    return AudioRequest(task, kind, AudioSource(audio), checked_options(options, RequestOptions), words, form)


C = TypeVar("C", Iterable[bytes], AsyncIterable[bytes])


@dataclass(frozen=True, slots=True)
class LiveRequest(Generic[A, C]):
    """A request about live sound. `chunks` may be split anywhere."""

    task: Literal["dense_caption", "ground"]
    kind: type[A]
    chunks: C
    queries: Sequence[str]
    options: Mapping[str, Any]


def live_dense_caption(chunks: C, options: LiveOptions) -> LiveRequest[DenseCaption, C]:
    """Ask for every event of live sound."""
    return LiveRequest("dense_caption", DenseCaption, chunks, (), checked_options(options, LiveOptions))


def live_ground(chunks: C, queries: str | Sequence[str], options: LiveOptions) -> LiveRequest[Grounding, C]:
    """Ask for the times of each query in live sound."""
    return LiveRequest("ground", Grounding, chunks, checked_queries(queries), checked_options(options, LiveOptions))


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
