"""Retries of streams: only before they begin, since a caller has seen what came."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any

import pytest

from timeaudio import attempts
from timeaudio.errors import ApiError, ClientError
from timeaudio.results import CaptionedEvent, DenseCaption, Interval
from timeaudio.stream import Stream

EVENT = CaptionedEvent(intervals=(Interval(start=0.0, end=1.0),), caption="A dog barks.")
BUSY = ApiError(503, {"type": "urn:timeaudio:error:worker-lost"}, retry_after_s=0.01)


class Transport:
    """Refuses the first request; the second one yields an event and then fails too."""

    def __init__(self) -> None:
        self.num_requests = 0

    def parts(self, request: object) -> Generator[CaptionedEvent, None, None]:
        self.num_requests += 1
        if self.num_requests > 1:
            yield EVENT
        raise BUSY


class AsyncTransport(Transport):
    async def parts(self, request: object) -> AsyncGenerator[CaptionedEvent, None]:  # type: ignore[override]
        for part in super().parts(request):
            yield part


def read(transport: Any) -> list[Any]:
    found: list[Any] = []
    with suppress(ApiError):
        found.extend(attempts.parts(transport, None, 5.0, None))  # type: ignore[arg-type]
    return found


async def read_async(transport: Any) -> list[Any]:
    found: list[Any] = []
    with suppress(ApiError):
        async for part in attempts.parts_async(transport, None, 5.0, None):  # type: ignore[arg-type]
            found.append(part)
    return found


@pytest.mark.parametrize(
    ("transport", "reader"), [(Transport(), read), (AsyncTransport(), lambda sent: asyncio.run(read_async(sent)))]
)
def test_a_stream_is_retried_until_it_begins(transport: Transport, reader: Callable[[Any], list[Any]]) -> None:
    assert reader(transport) == [EVENT]
    assert transport.num_requests == 2


def test_a_stream_closed_before_its_end_has_no_answer() -> None:
    def parts() -> Generator[Any, None, None]:
        yield EVENT
        yield EVENT

    with Stream[CaptionedEvent, DenseCaption](parts(), DenseCaption) as stream:
        assert next(stream) == EVENT
    with pytest.raises(ClientError, match="closed before its end"):
        stream.answer()
