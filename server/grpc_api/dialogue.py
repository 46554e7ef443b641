"""The messages of a stream in both directions. It limits the time that the server waits for the caller."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from server.errors import StreamIdle
from timeaudio.v1 import timeaudio_pb2 as pb

_SETTING = "limit: TIMEAUDIO_LIMITS__LIVE_IDLE_S"


class Dialogue:
    """The requests that a caller sends and the responses that it reads.

    Args:
        requests: what the caller sends.
        write: sends a response; it waits while the caller does not read.
        idle_s: the longest wait for the caller, in either direction.
    """

    def __init__(
        self,
        requests: AsyncIterator[pb.AnalyzeRequest],
        write: Callable[[pb.AnalyzeResponse], Awaitable[None]],
        idle_s: float,
    ) -> None:
        self._requests = requests
        self._write = write
        self._idle_s = idle_s
        self._waited_s = 0.0

    async def next(self) -> pb.AnalyzeRequest | None:
        """Return the next request; None after the last.

        Raises:
            StreamIdle: the waits since the last `progressed` exceed the limit.
        """
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._idle_s - self._waited_s):
                return await anext(self._requests, None)
        except TimeoutError:
            raise StreamIdle(
                f"The stream sent no audio for {self._idle_s:g} s ({_SETTING}). Start another one, send its "
                "configuration at once, and then samples at least that often. During silence, send zeros."
            ) from None
        finally:
            self._waited_s += time.monotonic() - begun

    def progressed(self) -> None:
        """Reset the idle time after a request that made progress; empty and tiny chunks do not count."""
        self._waited_s = 0.0

    async def write(self, response: pb.AnalyzeResponse) -> None:
        """Send a response.

        Raises:
            StreamIdle: the caller does not read.
        """
        try:
            async with asyncio.timeout(self._idle_s):
                await self._write(response)
        except TimeoutError:
            raise StreamIdle(
                f"The caller read no response for {self._idle_s:g} s ({_SETTING}). Begin another stream, and read its "
                "responses while you send."
            ) from None
