"""Answers as server-sent events: news goes out while the work goes on, and the work stops with its reader.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from model.errors import TimeAudioError
from server.errors import Cancelled, InternalError
from server.rest.disconnect import disconnected

Say = Callable[[bytes], Awaitable[None]]
"""Sends one message, and waits until there is room for the next."""

ITEM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "id": {"type": "string"},
    },
    "required": ["data"],
}
"""The schema of one message, as OpenAPI describes streams: `itemSchema`."""

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def streamed(
    request: Request,
    work: Callable[[Say], Awaitable[None]],
    told: Callable[[TimeAudioError], bytes],
    *,
    ping_s: float,
) -> EventSourceResponse:
    """The response to `request` that carries whatever `work` says.

    What goes wrong before anything is said is raised here, and gets its own status; later it is said, as `told` tells.
    The body must have been read by then. Headers go out with the first message, or after `ping_s` seconds; after as
    many seconds of silence goes a comment.
    """
    # One message waits at most: a reader that is slow slows the work down, and takes no memory here.
    messages: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
    has_begun = asyncio.Event()

    async def say(message: bytes) -> None:
        has_begun.set()
        await messages.put(message)

    async def run() -> None:
        try:
            await work(say)
        except Exception as error:
            if not has_begun.is_set():
                raise
            await messages.put(told(error if isinstance(error, TimeAudioError) else InternalError(repr(error))))
        await messages.put(None)

    # Its first step comes before any later one of this task: what `work` has to give back, it will.
    working = asyncio.create_task(run())
    try:
        await _begun(request, working, has_begun, ping_s)
    except BaseException:
        await _stop(working)
        raise
    has_begun.set()
    return _Streamed(messages, working, ping_s)


class _Streamed(EventSourceResponse):
    """All messages, and pings between them. Its end, however it comes, is the end of the work."""

    def __init__(self, messages: asyncio.Queue[bytes | None], working: asyncio.Task[None], ping_s: float) -> None:
        super().__init__(_with_pings(messages, ping_s), headers=_HEADERS)
        self._working = working

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette, which cancels this when the caller goes away."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await _stop(self._working)


async def _begun(request: Request, working: asyncio.Task[None], has_begun: asyncio.Event, ping_s: float) -> None:
    """Wait for the first message, or for `ping_s`.

    Raises:
        Cancelled: the caller went away.
        TimeAudioError: whatever ended the work.
    """
    watching = asyncio.create_task(disconnected(request))
    beginning = asyncio.create_task(has_begun.wait())
    try:
        await asyncio.wait((working, watching, beginning), timeout=ping_s, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        if watching.done() and not has_begun.is_set():
            raise Cancelled("The caller went away.")
    finally:
        watching.cancel()
        beginning.cancel()


async def _with_pings(messages: asyncio.Queue[bytes | None], ping_s: float) -> AsyncIterator[bytes]:
    coming = asyncio.create_task(messages.get())
    try:
        while True:
            await asyncio.wait((coming,), timeout=ping_s)
            if not coming.done():
                yield KEEPALIVE_COMMENT
                continue
            message = coming.result()
            if message is None:
                return
            coming = asyncio.create_task(messages.get())
            yield message
    finally:
        coming.cancel()


async def _stop(working: asyncio.Task[None]) -> None:
    """End the work, and wait until it is really over: its place in the queue is given up only afterwards."""
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await working
