"""The worker's gRPC side. The model computes in one thread of its own; this one only passes messages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import grpc

from model.errors import TimeAudioError
from server.engine.convert import TASKS
from server.engine.protocol import SAMPLE_RATE
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.pb.timeaudio.worker.v1 import worker_pb2_grpc
from server.worker.job import Job, Pipeline

_log = logging.getLogger(__name__)


class WorkerService(worker_pb2_grpc.WorkerServiceServicer):
    """One model, one request at a time; others wait for its thread in the order in which they came."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._pipeline: Pipeline | None = None
        self._decoding: Callable[..., Any] | None = None
        self._failed: TimeAudioError | None = None
        self._num_requests = 0
        self._num_steps = 0

    async def load(self, import_pipeline: Callable[[], ModuleType], **arguments: object) -> None:
        """Load the checkpoint in the model's thread. Until then requests are refused as UNAVAILABLE.

        An error of ours stays here, for the supervisor to read: another start would meet it again. Any other is
        raised, and ends this process.
        """

        def load() -> tuple[Pipeline, Callable[..., Any]]:
            module = import_pipeline()
            pipeline: Pipeline = module.Pipeline.load(**arguments)
            decoding: Callable[..., Any] = module.Decoding
            # Proves that it works before anyone is told so, and lets libraries do what they do once.
            for _ in Job(_rehearsal(pipeline)).run(pipeline, decoding):
                pass
            return pipeline, decoding

        try:
            self._pipeline, self._decoding = await asyncio.get_running_loop().run_in_executor(self._thread, load)
        except TimeAudioError as error:
            self._failed = error

    async def Status(self, request: pb.StatusRequest, context: grpc.aio.ServicerContext) -> pb.StatusResponse:  # noqa: N802
        """What the worker is doing; never waits for the model."""
        if self._failed is not None:
            return pb.StatusResponse(state=pb.STATE_FAILED, failed=_told(self._failed))
        if self._pipeline is None:
            return pb.StatusResponse(state=pb.STATE_LOADING)
        return pb.StatusResponse(
            state=pb.STATE_READY,
            model=self._pipeline.name,
            tasks=[number for name, number in TASKS.items() if name in self._pipeline.tasks],
            num_requests=self._num_requests,
            num_steps=self._num_steps,
        )

    async def Analyze(  # noqa: N802
        self, request: pb.AnalyzeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.AnalyzeResponse]:
        """Pass the request to the model's thread, and its updates back as they come."""
        if self._pipeline is None or self._decoding is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The model is still loading.")
            raise AssertionError("abort raises")
        loop = asyncio.get_running_loop()
        updates: asyncio.Queue[pb.AnalyzeResponse] = asyncio.Queue()
        job = Job(request)
        self._num_requests += 1

        def leave() -> None:
            self._num_requests -= 1

        running = self._thread.submit(
            self._work, job, self._pipeline, self._decoding, lambda u: loop.call_soon_threadsafe(updates.put_nowait, u)
        )
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(leave))
        try:
            last = False
            while not last:
                update = await updates.get()
                self._num_steps += 1
                yield update
                last = update.WhichOneof("update") in ("done", "failed")
        finally:
            # Also when the call was cancelled: dropped if it still waits, stopped at its next step if it runs.
            job.cancelled = True
            running.cancel()

    @staticmethod
    def _work(
        job: Job, pipeline: Pipeline, decoding: Callable[..., Any], send: Callable[[pb.AnalyzeResponse], object]
    ) -> None:
        try:
            for update in job.run(pipeline, decoding):
                send(update)
        except TimeAudioError as error:
            send(pb.AnalyzeResponse(failed=_told(error)))
        except Exception:
            _log.exception("A request failed in the model.")
            send(pb.AnalyzeResponse(failed=pb.Failed(error="InternalError", message="The model failed.")))


def _rehearsal(pipeline: Pipeline) -> pb.AnalyzeRequest:
    """A second of silence, for the first task that the checkpoint does."""
    return pb.AnalyzeRequest(
        pcm=bytes(4 * SAMPLE_RATE),
        sample_rate=SAMPLE_RATE,
        task=next(number for name, number in TASKS.items() if name in pipeline.tasks),
        queries=["a sound"],
        options=pb.Options(num_beams=1, max_new_tokens=8),
    )


def _told(error: TimeAudioError) -> pb.Failed:
    return pb.Failed(error=type(error).__name__, message=str(error))
