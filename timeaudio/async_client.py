"""AsyncClient: `Client` for asyncio and, over HTTP, for trio."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
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
from timeaudio.stream import AsyncStream, P
from timeaudio.transports import async_transport


class AsyncClient:
    """A connection to one TimeAudio server. Use it as an async context manager, or call `aclose`.

    Methods, attributes, arguments, results and errors are those of `Client`. Several requests may run at once.

    Example:
        async with AsyncClient("http://127.0.0.1:8000") as client:
            answers = await asyncio.gather(*(client.dense_caption(path) for path in paths))
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        timeout: float = 600.0,
        retry_for_s: float = 60.0,
        api_key: str | None = None,
    ) -> None:
        """See `Client`."""
        self._transport = async_transport(base_url, timeout, authorization(api_key))
        self._retry_for_s = retry_for_s
        self.on_progress: OnProgress | None = None

    @overload
    async def dense_caption(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[RequestOptions]
    ) -> DenseCaption: ...

    @overload
    async def dense_caption(
        self, audio: Audio, *, response_format: TextFormat, **options: Unpack[RequestOptions]
    ) -> str: ...

    async def dense_caption(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[RequestOptions]
    ) -> DenseCaption | str:
        """See `Client.dense_caption`."""
        return await self._run(requests.dense_caption(audio, options, response_format))

    @overload
    async def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: Literal["json"] = ...,
        **options: Unpack[RequestOptions],
    ) -> Grounding: ...

    @overload
    async def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: TextFormat,
        **options: Unpack[RequestOptions],
    ) -> str: ...

    async def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: FormatName = "json",
        **options: Unpack[RequestOptions],
    ) -> Grounding | str:
        """See `Client.ground`."""
        return await self._run(requests.ground(audio, queries, options, response_format))

    @overload
    async def summarize(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[RequestOptions]
    ) -> Summary: ...

    @overload
    async def summarize(
        self, audio: Audio, *, response_format: TextFormat, **options: Unpack[RequestOptions]
    ) -> str: ...

    async def summarize(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[RequestOptions]
    ) -> Summary | str:
        """See `Client.summarize`."""
        return await self._run(requests.summarize(audio, options, response_format))

    @overload
    async def ask(
        self, audio: Audio, question: str, *, response_format: Literal["json"] = ..., **options: Unpack[RequestOptions]
    ) -> QuestionAnswer: ...

    @overload
    async def ask(
        self, audio: Audio, question: str, *, response_format: TextFormat, **options: Unpack[RequestOptions]
    ) -> str: ...

    async def ask(
        self, audio: Audio, question: str, *, response_format: FormatName = "json", **options: Unpack[RequestOptions]
    ) -> QuestionAnswer | str:
        """See `Client.ask`."""
        return await self._run(requests.ask(audio, question, options, response_format))

    def stream_dense_caption(
        self, audio: Audio, **options: Unpack[RequestOptions]
    ) -> AsyncStream[CaptionedEvent, DenseCaption]:
        """See `Client.stream_dense_caption`."""
        return self._stream(requests.dense_caption(audio, options))

    def stream_ground(
        self, audio: Audio, queries: str | Sequence[str], **options: Unpack[RequestOptions]
    ) -> AsyncStream[GroundingResult, Grounding]:
        """See `Client.stream_ground`."""
        return self._stream(requests.ground(audio, queries, options))

    def stream_summarize(self, audio: Audio, **options: Unpack[RequestOptions]) -> AsyncStream[SummarySegment, Summary]:
        """See `Client.stream_summarize`."""
        return self._stream(requests.summarize(audio, options))

    def stream_ask(
        self, audio: Audio, question: str, **options: Unpack[RequestOptions]
    ) -> AsyncStream[Interval, QuestionAnswer]:
        """See `Client.stream_ask`."""
        return self._stream(requests.ask(audio, question, options))

    def live_dense_caption(
        self, chunks: AsyncIterable[bytes], **options: Unpack[LiveOptions]
    ) -> AsyncStream[CaptionedEvent, DenseCaption]:
        """See `Client.live_dense_caption`."""
        live = requests.live_dense_caption(chunks, options)
        return AsyncStream(cast(AsyncGenerator[Part, None], self._transport.live(live)), live.kind)

    def live_ground(
        self, chunks: AsyncIterable[bytes], queries: str | Sequence[str], **options: Unpack[LiveOptions]
    ) -> AsyncStream[GroundingResult, Grounding]:
        """See `Client.live_ground`."""
        live = requests.live_ground(chunks, queries, options)
        return AsyncStream(cast(AsyncGenerator[Part, None], self._transport.live(live)), live.kind)

    async def is_ready(self) -> bool:
        """Return whether the server accepts requests now; False too if it does not respond."""
        try:
            return await self._transport.ready()
        except ClientError:
            return False

    async def aclose(self) -> None:
        """Close the connection."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _run(self, request: AudioRequest[A]) -> A | str:
        """Return the answer in the requested format."""
        answer = await attempts.whole_async(self._transport, request, self._retry_for_s, self.on_progress)
        return request.written(answer)

    def _stream(self, request: AudioRequest[A]) -> AsyncStream[P, A]:
        parts = attempts.parts_async(self._transport, request, self._retry_for_s, self.on_progress)
        return AsyncStream(parts, request.kind)
