"""The worker's gRPC service. The model computes in its own thread; the event loop only passes messages."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import ModuleType

import grpc

from model.errors import TimeAudioError
from model.garbage_collection import postponed
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.pb.timeaudio.worker.v1 import worker_pb2_grpc
from server.worker.job import Job, failed_message
from server.worker.loop import JobMessage, ModelLoop, SessionProtocol
from server.worker.spans import Spans
from server.workers.codec import TASKS
from server.workers.protocol import SAMPLE_RATE


class WorkerService(worker_pb2_grpc.WorkerServiceServicer):
    """Serves many requests at a time with one model."""

    def __init__(self) -> None:
        self._model: ModelLoop | None = None
        self._failed: TimeAudioError | None = None
        self._updates: dict[Job, asyncio.Queue[pb.AnalyzeResponse]] = {}

    async def load(self, import_pipeline: Callable[[], ModuleType], **arguments: object) -> None:
        """Load the checkpoint and start the model thread. Until then, requests are refused as UNAVAILABLE.

        A TimeAudioError is kept for the supervisor to read, because a restart would fail in the same way. Any other
        error is raised and ends this process.
        """
        loop = asyncio.get_running_loop()

        def load() -> ModelLoop:
            with postponed():
                module = import_pipeline()
                session: SessionProtocol = module.Pipeline.load(**arguments).session()
            _rehearse(session)
            return ModelLoop(session, lambda messages: loop.call_soon_threadsafe(self._pass_on, messages))

        try:
            model = await loop.run_in_executor(None, load)
        except TimeAudioError as error:
            self._failed = error
            return
        model.start()
        self._model = model

    async def Status(self, request: pb.StatusRequest, context: grpc.aio.ServicerContext) -> pb.StatusResponse:  # noqa: N802
        """Return the worker's state, without waiting for the model."""
        if self._failed is not None:
            return pb.StatusResponse(state=pb.STATE_FAILED, failed=failed_message(self._failed))
        model = self._model
        if model is None:
            return pb.StatusResponse(state=pb.STATE_LOADING)
        num_running = min(model.num_running, len(self._updates))
        return pb.StatusResponse(
            state=pb.STATE_READY,
            model=model.session.name,
            tasks=[number for name, number in TASKS.items() if name in model.session.tasks],
            calibrated_tasks=[number for name, number in TASKS.items() if name in model.session.calibrated],
            num_requests=len(self._updates),
            num_running=num_running,
            num_waiting=len(self._updates) - num_running,
            num_steps=model.num_steps,
            num_slots=model.session.num_slots,
            num_free_slots=model.session.num_free,
            is_busy=model.is_busy,
        )

    async def Analyze(  # noqa: N802
        self, request: pb.AnalyzeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.AnalyzeResponse]:
        """Pass the request to the model thread, and yield its updates as they come."""
        model = self._model
        if model is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The model is still loading.")
            raise AssertionError("abort raises")
        job = Job(request, Spans(dict(context.invocation_metadata() or ())))
        updates = self._updates[job] = asyncio.Queue()
        model.add(job)
        try:
            await context.send_initial_metadata(())  # received: the front end may release its copy
            last = False
            while not last:
                update = await updates.get()
                yield update
                last = update.WhichOneof("update") in ("done", "failed")
        finally:
            # Also when the call was cancelled: the model drops its work before the next step.
            model.cancel(job)
            del self._updates[job]

    def _pass_on(self, messages: list[JobMessage]) -> None:
        for job, message in messages:
            if (updates := self._updates.get(job)) is not None:
                updates.put_nowait(message)


def _rehearse(session: SessionProtocol) -> None:
    """Analyze a second of silence before reporting ready: it proves that the model works and warms up the libraries."""
    request = pb.AnalyzeRequest(
        pcm=bytes(4 * SAMPLE_RATE),
        task=next(number for name, number in TASKS.items() if name in session.tasks),
        queries=["a sound"],
        options=pb.Options(num_beams=1, max_new_tokens=8, top_p=1.0),
    )
    failures: list[pb.AnalyzeResponse] = []
    rehearsal = ModelLoop(session, lambda messages: failures.extend(m for _, m in messages if m.HasField("failed")))
    rehearsal.add(Job(request))
    rehearsal.turn()
    while not session.is_idle:
        rehearsal.turn()
    if failures:
        raise RuntimeError(f"The model failed on a second of silence: {failures[0].failed.message}")
