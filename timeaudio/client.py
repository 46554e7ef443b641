"""Client: one method per task, over REST. What is sent and what is made of it is `timeaudio.exchange`."""

import time
from collections.abc import Sequence
from contextlib import closing
from types import TracebackType
from typing import Literal, Self, Unpack, overload

import httpx

from timeaudio.errors import ServerUnreachable
from timeaudio.exchange import DEFAULT_URL, Audio, Exchange, Get, Options, Send, Steps, T, Wait
from timeaudio.formats import FormatName, TextFormat
from timeaudio.replies import reached
from timeaudio.results import DenseCaption, Grounding, QuestionAnswer, Summary


class Client:
    """A connection to one TimeAudio server; use it as a context manager, or call `close`.

    `audio` is a path, the bytes of an audio file, or a binary file object (read from where it stands). A busy server is
    asked again when it says so. With `response_format` an answer is text for other tools: docs/formats.md.

    Example:
        with Client("http://127.0.0.1:8000") as client:
            for event in client.dense_caption("street.flac").events:
                print(event.caption, event.intervals)
            print(client.dense_caption("street.flac", response_format="srt"))
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
        self._exchange = Exchange(base_url, retry_for_s=retry_for_s)
        self._http = httpx.Client(**self._exchange.connection(timeout))

    @overload
    def dense_caption(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[Options]
    ) -> DenseCaption: ...

    @overload
    def dense_caption(self, audio: Audio, *, response_format: TextFormat, **options: Unpack[Options]) -> str: ...

    def dense_caption(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[Options]
    ) -> DenseCaption | str:
        """Every event of a recording, with its intervals and a caption.

        Raises:
            ApiError: the server refused; its `detail` says what to do.
            ServerUnreachable: no answer came.
            UnexpectedAnswer: the answer was not a TimeAudio server's.
            OSError: the file cannot be read.
        """
        return self._run(self._exchange.dense_caption(audio, options, response_format))

    @overload
    def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: Literal["json"] = ...,
        **options: Unpack[Options],
    ) -> Grounding: ...

    @overload
    def ground(
        self, audio: Audio, queries: str | Sequence[str], *, response_format: TextFormat, **options: Unpack[Options]
    ) -> str: ...

    def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: FormatName = "json",
        **options: Unpack[Options],
    ) -> Grounding | str:
        """Where each query happens; the recording is sent and encoded once for all of them.

        Raises:
            ApiError, ServerUnreachable, UnexpectedAnswer, OSError: as for `dense_caption`.
        """
        return self._run(self._exchange.ground(audio, queries, options, response_format))

    @overload
    def summarize(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[Options]
    ) -> Summary: ...

    @overload
    def summarize(self, audio: Audio, *, response_format: TextFormat, **options: Unpack[Options]) -> str: ...

    def summarize(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[Options]
    ) -> Summary | str:
        """What is said in a recording, stretch by stretch.

        Raises:
            ApiError, ServerUnreachable, UnexpectedAnswer, OSError: as for `dense_caption`; ApiError too where the
                server's model was not trained for it.
        """
        return self._run(self._exchange.summarize(audio, options, response_format))

    @overload
    def ask(
        self, audio: Audio, question: str, *, response_format: Literal["json"] = ..., **options: Unpack[Options]
    ) -> QuestionAnswer: ...

    @overload
    def ask(self, audio: Audio, question: str, *, response_format: TextFormat, **options: Unpack[Options]) -> str: ...

    def ask(
        self, audio: Audio, question: str, *, response_format: FormatName = "json", **options: Unpack[Options]
    ) -> QuestionAnswer | str:
        """The answer to a question about a recording, and the intervals that it names.

        Raises:
            ApiError, ServerUnreachable, UnexpectedAnswer, OSError: as for `summarize`.
        """
        return self._run(self._exchange.ask(audio, question, options, response_format))

    def is_ready(self) -> bool:
        """Whether the server would take a recording now; False too when nobody answers."""
        try:
            return self._run(self._exchange.ready())
        except ServerUnreachable:
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

    def _run(self, steps: Steps[T]) -> T:
        """Does what an exchange asks for, to its end."""
        response = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(response)
                except StopIteration as end:
                    result: T = end.value
                    return result
                response = self._do(step)

    def _do(self, step: Send | Get | Wait) -> httpx.Response | None:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        with reached(self._exchange.url):
            if isinstance(step, Get):
                return self._http.get(step.path)
            return self._http.post(step.path, **step.content())
