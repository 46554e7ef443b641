"""Connections that are opened on first use, and again where an earlier one cannot be used.

A connection belongs to the process that opened it: after a fork, two processes would read each other's answers. An
asynchronous one also belongs to its event loop: after a second `asyncio.run`, the first loop is closed.
"""

import os
import sys
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

Place = tuple[int, object]
"""Where a connection can be used: the process, and the event loop (None: any thread of the process)."""


class Connections(Generic[T]):
    """One connection per process and, if `in_loop`, per event loop."""

    def __init__(self, connect: Callable[[], T], *, in_loop: bool = False) -> None:
        self._connect = connect
        self._in_loop = in_loop
        self._opened: dict[Place, T] = {}

    def here(self) -> T:
        """Return the connection of this place, opened now if there is none."""
        place = self._place()
        if place not in self._opened:
            for other in [other for other in self._opened if _is_over(other)]:
                del self._opened[other]  # nobody can close it any more
            self._opened[place] = self._connect()
        return self._opened[place]

    def taken(self) -> T | None:
        """Return the connection of this place, if there is one, for the caller to close. The next use opens another."""
        return self._opened.pop(self._place(), None)

    def _place(self) -> Place:
        return os.getpid(), _running_loop() if self._in_loop else None


def _running_loop() -> object:
    """Return what identifies the running event loop: asyncio's loop, or trio's token."""
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        return None if trio is None else trio.lowlevel.current_trio_token()


def _is_over(place: Place) -> bool:
    """Return whether an event loop of this process has ended. A trio token does not tell, so it counts as ended.

    Connections of another process stay: to close them here could disturb their owner, and gRPC waits for ever.
    """
    process, loop = place
    is_closed: Callable[[], bool] | None = getattr(loop, "is_closed", None)
    return process == os.getpid() and loop is not None and (is_closed is None or is_closed())
