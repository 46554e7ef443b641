"""Streamed answers: what the clients' `stream_...` methods return."""

from collections.abc import AsyncGenerator, Generator
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from timeaudio.errors import ClientError
from timeaudio.requests import A, Part
from timeaudio.results import Beginning, Piece

P = TypeVar("P", bound=Piece)


class _SoFar(Generic[P, A]):
    """What has been read so far.

    Attributes:
        beginning: the request's id, the model, and the length of the audio; None before the first piece is read.
    """

    def __init__(self, kind: type[A]) -> None:
        self.beginning: Beginning | None = None
        self._kind = kind
        self._answer: A | None = None

    def _piece(self, part: Part) -> P | None:
        """Return the part if it is a piece; otherwise keep it and return None."""
        if isinstance(part, Beginning):
            self.beginning = part
        elif isinstance(part, self._kind):
            self._answer = part
        else:
            return cast(P, part)
        return None

    def _whole(self) -> A:
        if self._answer is None:
            raise ClientError("The stream was closed before its end, so there is no whole answer.")
        return self._answer


class Stream(_SoFar[P, A]):
    """An iterator over the pieces of an answer. The request is sent when the first piece is read.

    Leaving the `with` block, or calling `close`, cancels the request. A stream read to its end needs neither.

    Example:
        with client.stream_dense_caption("street.flac") as events:
            for event in events:
                print(event.caption)
        print(events.answer().usage)
    """

    def __init__(self, parts: Generator[Part, None, None], kind: type[A]) -> None:
        super().__init__(kind)
        self._parts = parts

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> P:
        for part in self._parts:
            if (piece := self._piece(part)) is not None:
                return piece
        raise StopIteration

    def answer(self) -> A:
        """Read the rest of the stream and return the whole answer, with usage and timing."""
        for _ in self:
            pass
        return self._whole()

    def close(self) -> None:
        """Cancel the request, if it is still running."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(_SoFar[P, A]):
    """`Stream` for asyncio and trio: `async for`, `async with`, `await answer()`, `await aclose()`."""

    def __init__(self, parts: AsyncGenerator[Part, None], kind: type[A]) -> None:
        super().__init__(kind)
        self._parts = parts

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> P:
        async for part in self._parts:
            if (piece := self._piece(part)) is not None:
                return piece
        raise StopAsyncIteration

    async def answer(self) -> A:
        """See `Stream.answer`."""
        async for _ in self:
            pass
        return self._whole()

    async def aclose(self) -> None:
        """See `Stream.close`."""
        await self._parts.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
