"""Cancel work when its client disconnects, which neither FastAPI nor uvicorn does by itself."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from server.errors import Cancelled

T = TypeVar("T")


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, which is cancelled as soon as the client of `request` disconnects.

    The body must have been read: the message after it is the disconnect.

    Raises:
        Cancelled: the client disconnected.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(disconnected(request))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Cancelled("The client disconnected.")
    finally:
        for task in (working, watching):
            task.cancel()
            # Wait until it has ended: its place in the queue is released only afterwards.
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def disconnected(request: Request) -> None:
    """Return once the client of `request` disconnects; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
