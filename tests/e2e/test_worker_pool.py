"""A pool of real worker processes, without the front end."""

import asyncio
import os
import signal
import time

import pytest

from model.task_params import TaskParams
from server.settings import Settings, Worker
from server.workers.protocol import SAMPLE_RATE, EngineRequest, LazySamples
from server.workers.worker_pool import WorkerPool


def test_a_worker_that_dies_before_it_gets_its_request_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.getcwd(), os.path.join(os.getcwd(), "tests")]))
    num_samples, read = 60 * SAMPLE_RATE, []

    async def scenario() -> None:
        pool = WorkerPool(Settings(worker=Worker(pipeline="scripted_pipeline", backoff_s=0.0)), checkpoint=None)
        await pool.start()
        while pool.model is None:
            await asyncio.sleep(0.02)

        def samples() -> bytes:
            """Kill the worker that is to get the first samples, and return when the pool has noticed."""
            if not read:
                os.kill(pool._supervisors[0].worker.pid, signal.SIGKILL)
                while pool.model is not None:
                    time.sleep(0.02)
            read.append(1)
            return bytes(4 * num_samples)

        request = EngineRequest(
            id="one", params=TaskParams(task="ground", queries=("a dog",)), samples=LazySamples(num_samples, samples),
            deadline=time.monotonic() + 60,
        )  # fmt: skip
        updates = [update async for update in pool.analyze(request)]
        assert len(read) == 2
        assert updates
        await pool.close()

    asyncio.run(scenario())
