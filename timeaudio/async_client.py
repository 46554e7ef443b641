"""AsyncClient: `Client` for asyncio and trio. The two differ in who waits; all else is `timeaudio.exchange`."""

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


class AsyncClient:
    """A connection to one TimeAudio server; use it as an async context manager, or call `aclose`.

    Methods, arguments, results and errors are those of `Client`. Several recordings may be asked about at once.

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
    ) -> None:
        """See `Client`."""
        self._exchange = Exchange(base_url, retry_for_s=retry_for_s)
        self._http = httpx.AsyncClient(**self._exchange.connection(timeout))

    @overload
    async def dense_caption(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[Options]
    ) -> DenseCaption: ...

    @overload
    async def dense_caption(self, audio: Audio, *, response_format: TextFormat, **options: Unpack[Options]) -> str: ...

    async def dense_caption(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[Options]
    ) -> DenseCaption | str:
        """See `Client.dense_caption`."""
        return await self._run(self._exchange.dense_caption(audio, options, response_format))

    @overload
    async def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: Literal["json"] = ...,
        **options: Unpack[Options],
    ) -> Grounding: ...

    @overload
    async def ground(
        self, audio: Audio, queries: str | Sequence[str], *, response_format: TextFormat, **options: Unpack[Options]
    ) -> str: ...

    async def ground(
        self,
        audio: Audio,
        queries: str | Sequence[str],
        *,
        response_format: FormatName = "json",
        **options: Unpack[Options],
    ) -> Grounding | str:
        """See `Client.ground`."""
        return await self._run(self._exchange.ground(audio, queries, options, response_format))

    @overload
    async def summarize(
        self, audio: Audio, *, response_format: Literal["json"] = ..., **options: Unpack[Options]
    ) -> Summary: ...

    @overload
    async def summarize(self, audio: Audio, *, response_format: TextFormat, **options: Unpack[Options]) -> str: ...

    async def summarize(
        self, audio: Audio, *, response_format: FormatName = "json", **options: Unpack[Options]
    ) -> Summary | str:
        """See `Client.summarize`."""
        return await self._run(self._exchange.summarize(audio, options, response_format))

    @overload
    async def ask(
        self, audio: Audio, question: str, *, response_format: Literal["json"] = ..., **options: Unpack[Options]
    ) -> QuestionAnswer: ...

    @overload
    async def ask(
        self, audio: Audio, question: str, *, response_format: TextFormat, **options: Unpack[Options]
    ) -> str: ...

    async def ask(
        self, audio: Audio, question: str, *, response_format: FormatName = "json", **options: Unpack[Options]
    ) -> QuestionAnswer | str:
        """See `Client.ask`."""
        return await self._run(self._exchange.ask(audio, question, options, response_format))

    async def is_ready(self) -> bool:
        """Whether the server would take a recording now; False too when nobody answers."""
        try:
            return await self._run(self._exchange.ready())
        except ServerUnreachable:
            return False

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _run(self, steps: Steps[T]) -> T:
        """Does what an exchange asks for, to its end."""
        response = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(response)
                except StopIteration as end:
                    result: T = end.value
                    return result
                response = await self._do(step)

    async def _do(self, step: Send | Get | Wait) -> httpx.Response | None:
        if isinstance(step, Wait):
            from anyio import sleep  # httpx stands on it

            await sleep(step.seconds)
            return None
        with reached(self._exchange.url):
            if isinstance(step, Get):
                return await self._http.get(step.path)
            return await self._http.post(step.path, **step.content())
