"""Work that stops when its caller goes away. Neither the framework nor the server does that by itself."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from server.errors import Cancelled

T = TypeVar("T")


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled as soon as the caller of `request` is gone.

    The body must have been read: what comes after it is the news of the disconnect.

    Raises:
        Cancelled: the caller went away.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(disconnected(request))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Cancelled("The caller went away.")
    finally:
        for task in (working, watching):
            task.cancel()
            # Wait until it is really over: its place in the queue is given up only afterwards.
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def disconnected(request: Request) -> None:
    """Return once the caller of `request` is gone; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
