"""The production engine: one worker process per device, each replaced when it dies or hangs."""

import asyncio
import logging
import os
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import grpc
from opentelemetry.trace import SpanKind

from model.engine.updates import Answered, Found, Started
from model.errors import TimeAudioError
from server.errors import DeadlineExceeded, InternalError, NotReady, WorkerLost
from server.runtime.run_blocking import file_work
from server.settings import Settings
from server.telemetry import tracing
from server.telemetry.logs import about
from server.workers import codec
from server.workers.process import WorkerCommand, WorkerProcess
from server.workers.protocol import SAMPLE_RATE, EngineRequest, ModelInfo, Update
from server.workers.quarantine import Quarantine
from server.workers.request_queue import RequestQueue
from server.workers.supervisor import Supervisor

_log = logging.getLogger(__name__)

_MAX_SOCKET_PATH = 85  # sockaddr_un holds 108 bytes, 104 on a Mac


class WorkerDied(Exception):
    """The worker that held a request died."""


class WorkerPool:
    """Supervises the workers and gives each at most as many requests as it has slots, in order of arrival.

    A request is retried once if its worker dies before the caller has read any of its answer.

    Args:
        settings: timeouts and restart limits.
        checkpoint: directory of the model; None for the embedded one.
        devices: compute devices; one worker process for each.
    """

    def __init__(self, settings: Settings, *, checkpoint: Path | None, devices: Sequence[str] = ("cpu",)) -> None:
        self._settings = settings.worker
        self.on_restart: Callable[[], object] = lambda: None
        self.on_failure: Callable[[], object] = lambda: None
        self._queue = RequestQueue()
        self._supervisors = [
            Supervisor(command, settings.worker, self._queue.wake)
            for command in _commands(settings, checkpoint, devices)
        ]
        self._queue.supervisors = self._supervisors
        self._quarantine = Quarantine()
        self._folder: Path | None = None
        self._state: str | None = "The model has not been started."
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def model(self) -> ModelInfo | None:
        """The model, while any worker can answer."""
        return next((supervisor.model for supervisor in self._supervisors if supervisor.model is not None), None)

    @property
    def state(self) -> str:
        """What the engine is doing, as a sentence for messages."""
        if self._state is not None:
            return self._state
        return max(self._supervisors, key=lambda supervisor: supervisor.model is not None).state

    @property
    def num_workers(self) -> int:
        """Workers that can answer."""
        return sum(supervisor.model is not None for supervisor in self._supervisors)

    @property
    def num_free(self) -> int:
        """Further requests that would start without waiting."""
        return self._queue.num_free

    @property
    def slot_usage(self) -> float:
        """The share of all slots that are in use, as the workers last reported."""
        statuses = [supervisor.status for supervisor in self._supervisors if supervisor.status is not None]
        num_slots = sum(status.num_slots for status in statuses)
        return 1.0 - sum(status.num_free_slots for status in statuses) / num_slots if num_slots else 0.0

    async def start(self) -> None:
        """Start the supervisors, without waiting for the model to load."""
        self._state = None
        self._folder = _socket_folder()
        self._tasks = [
            asyncio.create_task(self._supervise(supervisor, self._folder / str(number)), name=f"supervisor-{number}")
            for number, supervisor in enumerate(self._supervisors)
        ]

    async def close(self) -> None:
        """Stop the workers."""
        self._state = "The server is shutting down."
        self._queue.close(NotReady(f"{self._state} Send the request to another one, or later.", retry_after_s=5))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def analyze(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
        """See `Engine.analyze`."""
        arrived = time.monotonic()
        if self.model is None:  # Fail at once instead of letting the request wait for a model.
            raise NotReady(f"{self.state} Send the request again later.", retry_after_s=self._retry_after_s)
        alone = self._quarantine.check(request)
        for is_last in (False, True):
            was_read = False
            try:
                async with aclosing(self._ask(request, arrived, alone=alone)) as updates:
                    async for update in updates:
                        was_read |= isinstance(update, Found | Answered)
                        yield update
                self._quarantine.clear(request)
                return
            except WorkerDied:
                if is_last or was_read:
                    raise WorkerLost(
                        "The process that held this request died and is being restarted. Send the request again.",
                        retry_after_s=self._retry_after_s,
                    ) from None
                _log.warning("Retrying request %s: its worker died.", request.id, extra=about(answer_id=request.id))

    async def _ask(self, request: EngineRequest, arrived: float, *, alone: bool) -> AsyncGenerator[Update, None]:
        """Make one attempt. Unless the request is live, yield all answers together at the end.

        Raises:
            WorkerDied: the worker died.
        """
        async with AsyncExitStack() as stay:
            with tracing.step("queue"):
                supervisor = await stay.enter_async_context(self._queue.place(alone=alone))
            if time.monotonic() > request.deadline:
                raise DeadlineExceeded("The request reached its deadline while waiting. Send it again later.")
            worker, kept, call, waited_s = supervisor.worker, list[Update](), None, time.monotonic() - arrived
            audio_s = request.samples.count / SAMPLE_RATE
            span = stay.enter_context(
                tracing.step("worker", SpanKind.CLIENT, answer_id=request.id, worker_pid=worker.pid, audio_s=audio_s)
            )
            try:
                async with worker.sending:
                    message = [await file_work(request.samples.num_bytes, codec.request_bytes, request)]
                    call = worker.analyze(message, metadata=tracing.carried(span))
                    await call.wait_for_connection()  # until the worker has received all of it
                # Close explicitly: a call and its iterator form a cycle that the garbage collector cannot see.
                async with aclosing(aiter(call)) as messages:
                    async for message in messages:
                        update = codec.update(message)
                        supervisor.deaths = 0
                        if update is None:
                            break
                        if isinstance(update, Started):
                            update = Started(waited_s + update.queue_s)
                        if request.is_streamed or not isinstance(update, Found | Answered):
                            yield update
                        elif isinstance(update, Answered):
                            kept.append(update)
                    else:
                        raise InternalError("The worker ended a request without a final message.")
            except (grpc.aio.AioRpcError, grpc.aio.UsageError) as error:
                self._on_worker_crash(error, supervisor, worker, request)
                raise WorkerDied from error
            finally:
                if call is not None:
                    call.cancel()
        for update in kept:
            yield update

    def _on_worker_crash(
        self,
        error: grpc.aio.AioRpcError | grpc.aio.UsageError,
        supervisor: Supervisor,
        worker: WorkerProcess,
        request: EngineRequest,
    ) -> None:
        """Record a worker's death. Raises: RequestQuarantined, InternalError if the worker is alive (a bug)."""
        if isinstance(error, grpc.aio.UsageError):
            return  # the channel was closed before the request was sent: the worker is known to be dead
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise InternalError(f"The worker answered {error.code().name}: {error.details()}") from error
        supervisor.lose(worker)
        self._quarantine.accuse(request, was_alone=worker.num_victims(supervisor.num_inside) == 1)

    @property
    def _retry_after_s(self) -> float:
        return max(1.0, min(supervisor.backoff_s for supervisor in self._supervisors))

    async def _supervise(self, supervisor: Supervisor, sockets: Path) -> None:
        try:
            await supervisor.run(sockets, on_death=self._goes_on, on_restart=lambda: self.on_restart())
        except TimeAudioError as error:
            self._give_up(f"The model cannot be loaded: {error}")
        except Exception as error:
            _log.exception("The supervisor of a worker failed.")
            self._give_up(f"A worker cannot be started ({error}).")

    def _goes_on(self, status: int | None) -> bool:
        """Return whether to go on: at least one worker must be within its restart limit."""
        if any(supervisor.deaths <= self._settings.max_restarts for supervisor in self._supervisors):
            return True
        deaths = max(s.deaths for s in self._supervisors)
        self._give_up(f"The model's process died {deaths} times in a row, the last time with status {status}.")
        return False

    def _give_up(self, why: str) -> None:
        self._state = why
        self._queue.close(NotReady(f"{why} The server is exiting.", retry_after_s=5))
        self.on_failure()


def _commands(settings: Settings, checkpoint: Path | None, devices: Sequence[str]) -> list[WorkerCommand]:
    worker = settings.worker
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = max(1, num_cores // len(devices)) if len(devices) > 1 else 0
    return [
        WorkerCommand(
            checkpoint=checkpoint,
            device=device,
            threads=worker.threads or share,
            slots=worker.slots,
            slot_tokens=worker.slot_tokens,
            most_beams=settings.limits.num_beams,
            pipeline=worker.pipeline,
            quantize=worker.quantize,
            log_format=settings.log_format,
        )
        for device in devices
    ]


def _socket_folder() -> Path:
    """Create a private folder whose path is short enough for a Unix socket, even if TMPDIR is long."""
    folder = Path(tempfile.mkdtemp(prefix="timeaudio-"))
    if len(str(folder)) <= _MAX_SOCKET_PATH:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="timeaudio-", dir="/tmp"))
