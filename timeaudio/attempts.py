"""Send requests for both clients: retry while the server is busy, and report progress."""

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import Any, cast

from timeaudio.errors import ApiError
from timeaudio.requests import A, AsyncTransport, AudioRequest, OnProgress, Part, RetryPolicy, Transport
from timeaudio.results import Progress


def whole(transport: Transport, request: AudioRequest[A], retry_for_s: float, on_progress: OnProgress | None) -> A:
    """Return the whole answer. It is streamed only if `on_progress` is given.

    Raises:
        ClientError: as the transport.
    """
    policy = RetryPolicy(retry_for_s)
    while True:
        try:
            if on_progress is None:
                return transport.whole(request)
            *_, last = _pieces(transport, request, on_progress)
            return cast(A, last)
        except ApiError as error:
            wait_s = policy.wait_s(error)
        time.sleep(wait_s)


def parts(
    transport: Transport, request: AudioRequest[Any], retry_for_s: float, on_progress: OnProgress | None
) -> Generator[Part, None, None]:
    """Yield the parts of a stream except its progress; retry as long as it has not begun. Raises: as `whole`."""
    policy = RetryPolicy(retry_for_s)
    has_begun = False
    while True:
        try:
            with closing(_pieces(transport, request, on_progress)) as pieces:
                for part in pieces:
                    has_begun = True
                    yield part
            return
        except ApiError as error:
            if has_begun:
                raise
            wait_s = policy.wait_s(error)
        time.sleep(wait_s)


def _pieces(
    transport: Transport, request: AudioRequest[Any], on_progress: OnProgress | None
) -> Generator[Part, None, None]:
    with closing(cast(Generator[Part, None, None], transport.parts(request))) as sent:
        for part in sent:
            if not isinstance(part, Progress):
                yield part
            elif on_progress is not None:
                on_progress(part.passes_done, part.passes)


async def whole_async(
    transport: AsyncTransport, request: AudioRequest[A], retry_for_s: float, on_progress: OnProgress | None
) -> A:
    """See `whole`."""
    policy = RetryPolicy(retry_for_s)
    while True:
        try:
            if on_progress is None:
                return await transport.whole(request)
            *_, last = [part async for part in _pieces_async(transport, request, on_progress)]
            return cast(A, last)
        except ApiError as error:
            wait_s = policy.wait_s(error)
        await _sleep(wait_s)


async def parts_async(
    transport: AsyncTransport, request: AudioRequest[Any], retry_for_s: float, on_progress: OnProgress | None
) -> AsyncGenerator[Part, None]:
    """See `parts`."""
    policy = RetryPolicy(retry_for_s)
    has_begun = False
    while True:
        try:
            async with aclosing(_pieces_async(transport, request, on_progress)) as pieces:
                async for part in pieces:
                    has_begun = True
                    yield part
            return
        except ApiError as error:
            if has_begun:
                raise
            wait_s = policy.wait_s(error)
        await _sleep(wait_s)


async def _pieces_async(
    transport: AsyncTransport, request: AudioRequest[Any], on_progress: OnProgress | None
) -> AsyncGenerator[Part, None]:
    async with aclosing(cast(AsyncGenerator[Part, None], transport.parts(request))) as sent:
        async for part in sent:
            if not isinstance(part, Progress):
                yield part
            elif on_progress is not None:
                on_progress(part.passes_done, part.passes)


async def _sleep(seconds: float) -> None:
    from anyio import sleep  # a dependency of httpx

    await sleep(seconds)
