"""A stream's messages: each wait for the caller is limited, the server's own work is not."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from server.errors import StreamIdle
from server.grpc_api.dialogue import Dialogue
from timeaudio.v1 import timeaudio_pb2 as pb

IDLE_S = 0.2


async def quickly(_: pb.AnalyzeResponse) -> None:
    pass


async def chunks(*waits_s: float) -> AsyncIterator[pb.AnalyzeRequest]:
    for wait_s in waits_s:
        await asyncio.sleep(wait_s)
        yield pb.AnalyzeRequest(chunk=b"x")


async def read(dialogue: Dialogue, *, progresses: bool, work_s: float = 0.0) -> int:
    number = 0
    while await dialogue.next() is not None:
        number += 1
        time.sleep(work_s)
        if progresses:
            dialogue.progressed()
    return number


def test_waits_add_up_until_the_work_moves_on() -> None:
    waits = [IDLE_S * 0.4] * 4
    assert asyncio.run(read(Dialogue(chunks(*waits), quickly, IDLE_S), progresses=True)) == 4
    with pytest.raises(StreamIdle, match="LIVE_IDLE_S"):
        asyncio.run(read(Dialogue(chunks(*waits), quickly, IDLE_S), progresses=False))


def test_the_servers_own_work_is_not_counted() -> None:
    assert asyncio.run(read(Dialogue(chunks(0, 0, 0), quickly, IDLE_S), progresses=False, work_s=IDLE_S)) == 3


def test_a_caller_that_does_not_read_is_idle() -> None:
    async def never(_: pb.AnalyzeResponse) -> None:
        await asyncio.sleep(60)

    with pytest.raises(StreamIdle, match="read no response"):
        asyncio.run(Dialogue(chunks(), never, IDLE_S).write(pb.AnalyzeResponse()))
