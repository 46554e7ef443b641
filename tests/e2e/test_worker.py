"""A real worker process over its socket: concurrent requests, and slots that are freed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.checkpoint import save_checkpoint
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.workers.process import WorkerCommand, WorkerProcess
from tests.factories import small_model

SLOTS = 6


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder, *small_model(), dtype=torch.float32)
    return folder


@contextlib.asynccontextmanager
async def working(checkpoint: Path, folder: Path) -> AsyncIterator[Any]:
    command = WorkerCommand(
        checkpoint=checkpoint,
        device="cpu",
        threads=1,
        slots=SLOTS,
        slot_tokens=512,
        most_beams=4,
        pipeline="model.pipeline",
    )
    worker = await WorkerProcess.start(command, folder / "w.sock")
    try:
        await asyncio.wait_for(worker.ready(), 300)
        yield worker.stub
    finally:
        await worker.stop()


def request(*queries: str, seconds: float = 2.0, **options: Any) -> pb.AnalyzeRequest:
    rng = np.random.default_rng(round(seconds * 10))
    pcm = (rng.standard_normal(round(seconds * 16_000)) * 0.1).astype("<f4").tobytes()
    task = pb.TASK_GROUND if queries else pb.TASK_DENSE_CAPTION
    chosen = {"num_beams": 1, "max_new_tokens": 20, "top_p": 1.0} | options
    return pb.AnalyzeRequest(pcm=pcm, task=task, queries=queries, options=pb.Options(**chosen))


async def updates(stub: Any, message: pb.AnalyzeRequest) -> list[str]:
    return [update.WhichOneof("update") async for update in stub.Analyze(message)]


async def texts(stub: Any, message: pb.AnalyzeRequest) -> list[str]:
    return [update.answer.text async for update in stub.Analyze(message) if update.HasField("answer")]


async def until(condition: Callable[[pb.StatusResponse], bool], stub: Any, timeout_s: float) -> float:
    began = time.monotonic()
    while not condition(await stub.Status(pb.StatusRequest())):
        assert time.monotonic() - began < timeout_s, "the condition was not met in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def test_concurrent_requests_get_the_same_answers_as_single_ones(checkpoint: Path, tmp_path: Path) -> None:
    messages = [
        request(seconds=1.0),
        request("a dog", "rain", seconds=3.0),
        request(seconds=2.0, num_beams=4),
        request("a dog", seconds=2.0, temperature=2.0, seed=3),
    ]

    async def run() -> None:
        async with working(checkpoint, tmp_path) as stub:
            alone = [await texts(stub, message) for message in messages]
            together: list[Awaitable[list[str]]] = [texts(stub, message) for message in messages * 3]
            assert await asyncio.gather(*together) == alone * 3
            order = await updates(stub, messages[1])
            assert order[:2] == ["started", "encoded"]
            assert order[-1] == "done"
            assert order.count("answer") == 2
            status = await stub.Status(pb.StatusRequest())
            assert (status.num_requests, status.num_running, status.num_waiting) == (0, 0, 0)
            assert status.num_slots == status.num_free_slots == SLOTS
            assert status.num_steps > 20

    asyncio.run(run())


def test_cancelled_requests_free_their_slots_within_a_second(checkpoint: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with working(checkpoint, tmp_path) as stub:
            endless = request("a", "b", "c", max_new_tokens=480, temperature=4.0)
            calls = [asyncio.create_task(updates(stub, endless)) for _ in range(10)]
            # A step takes its slots at its start, but updates are sent at its end.
            await until(lambda status: status.num_free_slots == 0 and status.num_running >= 1, stub, 60)
            assert (await stub.Status(pb.StatusRequest())).num_requests == 10
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            await until(lambda status: status.num_free_slots == SLOTS and status.num_requests == 0, stub, 1.0)
            assert (await updates(stub, request(seconds=1.0)))[-1] == "done"

    asyncio.run(run())


def test_a_deadline_frees_its_slot_while_other_requests_continue(checkpoint: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with working(checkpoint, tmp_path) as stub:
            # An answer or two may end before the deadline, but not those to all of these queries.
            late = request(*"abcdefgh", max_new_tokens=480, temperature=4.0, seed=0)
            late.deadline_s = 0.1
            others = asyncio.create_task(updates(stub, request("b", max_new_tokens=200, temperature=4.0)))
            last = [update async for update in stub.Analyze(late)][-1]
            assert last.failed.error == "DeadlineExceeded"
            assert (await others)[-1] == "done"

    asyncio.run(run())
