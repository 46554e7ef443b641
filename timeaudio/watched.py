"""Requests whose source is the caller's code, such as a microphone.

If the source raises, gRPC cancels the call and drops the error: an asynchronous caller sees a cancellation, and a
synchronous one a failed server. These iterators keep the error, so that the transport can raise it.
"""

import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

R = TypeVar("R")

_STARTS_WITHIN_S: Final = 10.0


class Watched(Generic[R]):
    """An iterator for gRPC's thread. It ends the call when the source raises.

    Attributes:
        error: what the source raised.
    """

    def __init__(self, source: Iterable[R]) -> None:
        self.error: Exception | None = None
        self._source = iter(source)
        self._call: Any = None
        self._is_called = threading.Event()

    def belongs_to(self, call: Any) -> None:
        """Set the call that sends these requests. gRPC reads the first requests before it returns the call."""
        self._call = call
        self._is_called.set()

    def __iter__(self) -> Iterator[R]:
        return self

    def __next__(self) -> R:
        try:
            return next(self._source)
        except StopIteration:
            raise
        except Exception as error:
            self.error = error
        if self._is_called.wait(_STARTS_WITHIN_S):
            self._call.cancel()
        raise StopIteration


class AsyncWatched(Generic[R]):
    """`Watched` for grpc.aio, over any kind of source."""

    def __init__(self, source: Iterable[R] | AsyncIterable[R]) -> None:
        self.error: Exception | None = None
        self._source = source
        self._call: Any = None

    def belongs_to(self, call: Any) -> None:
        """Set the call that sends these requests."""
        self._call = call

    async def __aiter__(self) -> AsyncIterator[R]:
        try:
            if isinstance(self._source, AsyncIterable):
                async for request in self._source:
                    yield request
            else:
                for request in self._source:
                    yield request
        except Exception as error:
            self.error = error
            self._call.cancel()
