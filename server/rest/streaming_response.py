"""Answers as server-sent events, sent while the work runs; the work stops when the client disconnects.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from model.errors import TimeAudioError
from server.errors import Cancelled
from server.reported import reported
from server.rest.disconnect import disconnected
from server.settings import Settings

_log = logging.getLogger(__name__)

SendMessage = Callable[[bytes], Awaitable[None]]
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
"""The schema of one message, OpenAPI's `itemSchema` for streams."""

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def streamed(
    request: Request,
    work: Callable[[SendMessage], Awaitable[None]],
    error_message: Callable[[TimeAudioError], bytes],
    settings: Settings,
) -> EventSourceResponse:
    """Return the response to `request` that streams the messages of `work`.

    An error before the first message is raised here and gets its own status; a later error is sent as the message that
    `error_message` makes of it. The body must have been read. Headers are sent with the first message or after
    `settings.ping_s` seconds. After every further `ping_s` seconds of silence, a comment is sent. A client that reads
    nothing for `settings.limits.live_idle_s` seconds counts as disconnected.
    """
    # At most one message is queued: a slow client slows the work down instead of using memory.
    messages: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
    has_begun = asyncio.Event()

    async def send_message(message: bytes) -> None:
        has_begun.set()
        await messages.put(message)

    async def run() -> None:
        try:
            await work(send_message)
        except Exception as error:
            if not has_begun.is_set():
                raise
            await messages.put(error_message(reported(error)))
        await messages.put(None)

    # The task takes its first step before this one resumes, so `work` always gets to release what it holds.
    working = asyncio.create_task(run())
    try:
        await _begun(request, working, has_begun, settings.ping_s)
    except BaseException:
        await _stop(working)
        raise
    has_begun.set()
    return StreamingAnswer(messages, working, ping_s=settings.ping_s, idle_s=settings.limits.live_idle_s)


class StreamingAnswer(EventSourceResponse):
    """Streams all messages, with pings between them. The work ends when the response ends, for any reason."""

    def __init__(
        self, messages: asyncio.Queue[bytes | None], working: asyncio.Task[None], *, ping_s: float, idle_s: float
    ) -> None:
        super().__init__(_with_pings(messages, ping_s), headers=_HEADERS)
        self._working = working
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette, which cancels this when the client disconnects."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._idle_s):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            _log.warning("A client read nothing of its stream for %g s, so the work was stopped.", self._idle_s)
        finally:
            await _stop(self._working)


async def _begun(request: Request, working: asyncio.Task[None], has_begun: asyncio.Event, ping_s: float) -> None:
    """Wait for the first message, or for `ping_s`.

    Raises:
        Cancelled: the client disconnected.
        TimeAudioError: the error that ended the work.
    """
    watching = asyncio.create_task(disconnected(request))
    beginning = asyncio.create_task(has_begun.wait())
    try:
        await asyncio.wait((working, watching, beginning), timeout=ping_s, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        if watching.done() and not has_begun.is_set():
            raise Cancelled("The client disconnected.")
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
    """Cancel the work and wait until it has ended: its place in the queue is released only afterwards."""
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await working
