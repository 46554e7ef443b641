"""Client: two methods per task, over HTTP or gRPC. `timeaudio.requests` defines the requests."""

from collections.abc import Generator, Iterable, Sequence
from types import TracebackType
from typing import Literal, Self, Unpack, cast, overload

from timeaudio import attempts, requests
from timeaudio.api_key import authorization
from timeaudio.audio_source import Audio
from timeaudio.errors import ClientError
from timeaudio.formats import FormatName, TextFormat
from timeaudio.request_options import LiveOptions, RequestOptions
from timeaudio.requests import DEFAULT_URL, A, AudioRequest, OnProgress, Part
from timeaudio.results import (
    CaptionedEvent,
    DenseCaption,
    Grounding,
    GroundingResult,
    Interval,
    QuestionAnswer,
    Summary,
    SummarySegment,
)
from timeaudio.stream import P, Stream
from timeaudio.transports import transport


class Client:
    """A connection to one TimeAudio server. Use it as a context manager, or call `close`.

    `audio` is a path, the bytes of an audio file, or a binary file object (read from its current position). The client
    retries when a busy server says so. `response_format` returns text for other tools: docs/formats.md. The methods
    `stream_...` yield each result as soon as it is found. An address like grpc://127.0.0.1:9000 selects gRPC.

    Attributes:
        on_progress: called with the passes done and the number of passes, while a recording of several passes is
            analysed.

    Example:
        with Client("http://127.0.0.1:8000") as client:
            for event in client.dense_caption("street.flac").events:
                print(event.caption, event.intervals)
            print(client.dense_caption("street.flac", response_format="srt"))
            for event in client.stream_dense_caption("street.flac"):
                print(event.caption)
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        timeout: float = 600.0,
        retry_for_s: float = 60.0,
        api_key: str | None = None,
    ) -> None:
        """Prepare a connection; this sends nothing yet.

        Units: `timeout` is seconds without a byte from the server (gRPC: for a whole call), `retry_for_s` the seconds
        for which to retry a busy server. `api_key` is sent with each request; by default TIMEAUDIO_API_KEY.
        Raises:
            ValueError: the address is not of the form http://HOST:PORT or grpc://HOST:PORT, or the key is invalid.
            ImportError: the address needs gRPC, which is not installed.
        """
        self._transport = transport(base_url, timeout, authorization(api_key))
        self._retry_for_s = retry_for_s
        self.on_progress: OnProgress | None = None

    @overload
    def dense_caption(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[RequestOptions]
    ) -> DenseCaption: ...

    @overload
    def dense_caption(self, audio: Audio, *, response_format: TextFormat, **options: Unpack[RequestOptions]) -> str: ...

    def dense_caption(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[RequestOptions]
    ) -> DenseCaption | str:
        """Return every event of a recording, with its intervals and a caption.

        Raises:
            ApiError: the server refused; its `detail` says what to do.
            ServerUnreachable: no response arrived.
            UnexpectedAnswer: the response was not that of a TimeAudio server.
            OSError: the file cannot be read.
            TypeError, ValueError: the audio or an option cannot be sent.
        """
        return self._run(requests.dense_caption(audio, options, response_format))

    @overload
    def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: Literal["json"] = ...,
        **options: Unpack[RequestOptions],
    ) -> Grounding: ...

    @overload
    def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: TextFormat,
        **options: Unpack[RequestOptions],
    ) -> str: ...

    def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: FormatName = "json",
        **options: Unpack[RequestOptions],
    ) -> Grounding | str:
        """Return where each query happens. The recording is sent and encoded once for all queries.

        Raises:
            As `dense_caption`.
        """
        return self._run(requests.ground(audio, queries, options, response_format))

    @overload
    def summarize(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[RequestOptions]
    ) -> Summary: ...

    @overload
    def summarize(self, audio: Audio, *, response_format: TextFormat, **options: Unpack[RequestOptions]) -> str: ...

    def summarize(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[RequestOptions]
    ) -> Summary | str:
        """Return a summary of the speech in a recording, segment by segment.

        Raises:
            As `dense_caption`; ApiError also if the server's model was not trained for it.
        """
        return self._run(requests.summarize(audio, options, response_format))

    @overload
    def ask(
        self, audio: Audio, question: str, *, response_format: Literal["json"] = ..., **options: Unpack[RequestOptions]
    ) -> QuestionAnswer: ...

    @overload
    def ask(
        self, audio: Audio, question: str, *, response_format: TextFormat, **options: Unpack[RequestOptions]
    ) -> str: ...

    def ask(
        self, audio: Audio, question: str, *, response_format: FormatName = "json", **options: Unpack[RequestOptions]
    ) -> QuestionAnswer | str:
        """Return the answer to a question about a recording, and the intervals that it names.

        Raises:
            As `summarize`.
        """
        return self._run(requests.ask(audio, question, options, response_format))

    def stream_dense_caption(
        self, audio: Audio, **options: Unpack[RequestOptions]
    ) -> Stream[CaptionedEvent, DenseCaption]:
        """Stream every event of a recording, each as soon as it is found.

        Reading the stream raises the errors of `dense_caption`, at the point where they occur.
        """
        return self._stream(requests.dense_caption(audio, options))

    def stream_ground(
        self, audio: Audio, queries: str | Sequence[str], **options: Unpack[RequestOptions]
    ) -> Stream[GroundingResult, Grounding]:
        """Stream the result of each query, as soon as it is known. Raises: as `stream_dense_caption`."""
        return self._stream(requests.ground(audio, queries, options))

    def stream_summarize(self, audio: Audio, **options: Unpack[RequestOptions]) -> Stream[SummarySegment, Summary]:
        """Stream the summary of each speech segment, as soon as it is known. Raises: as `stream_dense_caption`."""
        return self._stream(requests.summarize(audio, options))

    def stream_ask(
        self, audio: Audio, question: str, **options: Unpack[RequestOptions]
    ) -> Stream[Interval, QuestionAnswer]:
        """Stream the intervals that the answer names; `answer()` has its text. Raises: as `stream_dense_caption`."""
        return self._stream(requests.ask(audio, question, options))

    def live_dense_caption(
        self, chunks: Iterable[bytes], **options: Unpack[LiveOptions]
    ) -> Stream[CaptionedEvent, DenseCaption]:
        """Stream every event of live sound, each within one window of its end. Needs gRPC.

        `chunks` are raw samples, split anywhere; the client takes them no faster than the server processes them.
        Raises: ValueError, if the address is not a gRPC address; what `chunks` raises.
        """
        live = requests.live_dense_caption(chunks, options)
        return Stream(cast(Generator[Part, None, None], self._transport.live(live)), live.kind)

    def live_ground(
        self, chunks: Iterable[bytes], queries: str | Sequence[str], **options: Unpack[LiveOptions]
    ) -> Stream[GroundingResult, Grounding]:
        """Stream each interval of each query in live sound. Raises: as `live_dense_caption`."""
        live = requests.live_ground(chunks, queries, options)
        return Stream(cast(Generator[Part, None, None], self._transport.live(live)), live.kind)

    def is_ready(self) -> bool:
        """Return whether the server accepts requests now; False too if it does not respond."""
        try:
            return self._transport.ready()
        except ClientError:
            return False

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, request: AudioRequest[A]) -> A | str:
        """Return the answer in the requested format."""
        return request.written(attempts.whole(self._transport, request, self._retry_for_s, self.on_progress))

    def _stream(self, request: AudioRequest[A]) -> Stream[P, A]:
        return Stream(attempts.parts(self._transport, request, self._retry_for_s, self.on_progress), request.kind)
