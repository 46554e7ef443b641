"""Connections that open on first use and reopen where an earlier one cannot be used.

A connection belongs to the process that opened it: after a fork, two processes would read each other's answers. An
asynchronous one also belongs to its event loop: after a second `asyncio.run`, the first loop is closed.

Connections of another process stay as they are: closing them here could disturb their owner, or wait for a thread that
only the owner has.
"""

import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Connections(Generic[T]):
    """One connection per process."""

    def __init__(self, connect: Callable[[], T]) -> None:
        self._connect = connect
        self._opened: dict[int, T] = {}

    def here(self) -> T:
        """Return the connection of this process, opened now if there is none."""
        if os.getpid() not in self._opened:
            self._opened[os.getpid()] = self._connect()
        return self._opened[os.getpid()]

    def taken(self) -> T | None:
        """Remove and return the connection of this process, if any, for the caller to close."""
        return self._opened.pop(os.getpid(), None)


class AsyncConnections(Generic[T]):
    """One connection per event loop of each process, closed when the loop ends."""

    def __init__(self, connect: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._connect = connect
        self._close = close
        self._opened: dict[tuple[int, object], tuple[T, AsyncGenerator[T, None]]] = {}

    async def here(self) -> T:
        """Return the connection of this event loop, opened now if there is none."""
        place = os.getpid(), _running_loop()
        if place not in self._opened:
            for other in [other for other in self._opened if _is_over(*other)]:
                del self._opened[other]
            owner = self._own()
            self._opened[place] = await anext(owner), owner
        return self._opened[place][0]

    async def close(self) -> None:
        """Close the connection of this event loop. The next use opens another."""
        if (opened := self._opened.pop((os.getpid(), _running_loop()), None)) is not None:
            await opened[1].aclose()

    async def _own(self) -> AsyncGenerator[T, None]:
        # A generator, because an event loop closes its remaining generators when it ends.
        connection = self._connect()
        try:
            yield connection
        finally:
            await self._close(connection)


def _running_loop() -> object:
    """Return an identifier of the running event loop: asyncio's loop, or trio's token."""
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        return None if trio is None else trio.lowlevel.current_trio_token()


def _is_over(process: int, loop: object) -> bool:
    """Return whether an event loop of this process has ended. A trio token does not show it, so it counts as ended."""
    is_closed: Callable[[], bool] | None = getattr(loop, "is_closed", None)
    return process == os.getpid() and (is_closed is None or is_closed())
