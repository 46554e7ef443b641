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

from model.errors import TimeAudioError
from server.engine import convert
from server.engine.keeper import Keeper
from server.engine.places import Places
from server.engine.process import WorkerCommand, WorkerProcess
from server.engine.protocol import SAMPLE_RATE, Answered, Found, ModelInfo, Request, Started, Update
from server.engine.suspects import Suspects
from server.errors import DeadlineExceeded, InternalError, NotReady, WorkerLost
from server.offload import file_work
from server.settings import Settings
from server.telemetry import tracing
from server.telemetry.logs import about

_log = logging.getLogger(__name__)

_MAX_SOCKET_PATH = 85  # sockaddr_un holds 108 bytes, 104 on a Mac


class _Died(Exception):
    """The worker that held a request died."""


class WorkerEngine:
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
        self._places = Places()
        self._keepers = [
            Keeper(command, settings.worker, self._places.wake) for command in _commands(settings, checkpoint, devices)
        ]
        self._places.keepers = self._keepers
        self._suspects = Suspects()
        self._folder: Path | None = None
        self._state: str | None = "The model has not been started."
        self._supervisors: list[asyncio.Task[None]] = []

    @property
    def model(self) -> ModelInfo | None:
        """The model, while any worker can answer."""
        return next((keeper.model for keeper in self._keepers if keeper.model is not None), None)

    @property
    def state(self) -> str:
        """One sentence for people."""
        if self._state is not None:
            return self._state
        return max(self._keepers, key=lambda keeper: keeper.model is not None).state

    @property
    def num_workers(self) -> int:
        """Workers that can answer."""
        return sum(keeper.model is not None for keeper in self._keepers)

    @property
    def num_free(self) -> int:
        """Further requests that would start without waiting."""
        return self._places.num_free

    @property
    def slot_usage(self) -> float:
        """The share of all slots that are in use, as the workers last reported."""
        told = [keeper.status for keeper in self._keepers if keeper.status is not None]
        num_slots = sum(status.num_slots for status in told)
        return 1.0 - sum(status.num_free_slots for status in told) / num_slots if num_slots else 0.0

    async def start(self) -> None:
        """Start the supervisors, without waiting for the model to load."""
        self._state = None
        self._folder = _socket_folder()
        self._supervisors = [
            asyncio.create_task(self._supervise(keeper, self._folder / str(number)), name=f"supervisor-{number}")
            for number, keeper in enumerate(self._keepers)
        ]

    async def close(self) -> None:
        """Stop the workers."""
        self._state = "The server is shutting down."
        self._places.close(NotReady(f"{self._state} Send the request to another one, or later.", retry_after_s=5))
        for supervisor in self._supervisors:
            supervisor.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def analyze(self, request: Request) -> AsyncGenerator[Update, None]:
        """See `Engine.analyze`."""
        arrived = time.monotonic()
        if self.model is None:  # Fail at once instead of letting the request wait for a model.
            raise NotReady(f"{self.state} Send the request again later.", retry_after_s=self._retry_after_s)
        alone = self._suspects.check(request)
        for is_last in (False, True):
            was_read = False
            try:
                async with aclosing(self._ask(request, arrived, alone=alone)) as updates:
                    async for update in updates:
                        was_read |= isinstance(update, Found | Answered)
                        yield update
                self._suspects.clear(request)
                return
            except _Died:
                if is_last or was_read:
                    raise WorkerLost(
                        "The process that held this request died and is being restarted. Send the request again.",
                        retry_after_s=self._retry_after_s,
                    ) from None
                _log.warning("Retrying request %s: its worker died.", request.id, extra=about(answer_id=request.id))

    async def _ask(self, request: Request, arrived: float, *, alone: bool) -> AsyncGenerator[Update, None]:
        """Make one attempt. Unless the request is live, yield all answers together at the end.

        Raises:
            _Died: the worker died.
        """
        async with AsyncExitStack() as stay:
            with tracing.step("queue"):
                keeper = await stay.enter_async_context(self._places.place(alone=alone))
            if time.monotonic() > request.deadline:
                raise DeadlineExceeded("The request reached its deadline while waiting. Send it again later.")
            worker, kept, call, waited_s = keeper.worker, list[Update](), None, time.monotonic() - arrived
            audio_s = request.samples.count / SAMPLE_RATE
            span = stay.enter_context(
                tracing.step("worker", SpanKind.CLIENT, answer_id=request.id, worker_pid=worker.pid, audio_s=audio_s)
            )
            try:
                async with worker.sending:
                    message = [await file_work(request.samples.num_bytes, convert.request_bytes, request)]
                    call = worker.analyze(message, metadata=tracing.carried(span))
                    await call.wait_for_connection()  # until the worker has received all of it
                # Close explicitly: a call and its iterator form a cycle that the garbage collector cannot see.
                async with aclosing(aiter(call)) as messages:
                    async for message in messages:
                        update = convert.update(message)
                        keeper.deaths = 0
                        if update is None:
                            break
                        if isinstance(update, Started):
                            update = Started(waited_s + update.queue_s)
                        if request.is_live or not isinstance(update, Found | Answered):
                            yield update
                        elif isinstance(update, Answered):
                            kept.append(update)
                    else:
                        raise InternalError("The worker ended a request without a final message.")
            except grpc.aio.AioRpcError as error:
                self._mourn(error, keeper, worker, request)
                raise _Died from error
            finally:
                if call is not None:
                    call.cancel()
        for update in kept:
            yield update

    def _mourn(self, error: grpc.aio.AioRpcError, keeper: Keeper, worker: WorkerProcess, request: Request) -> None:
        """Record a worker's death.

        Raises:
            RequestQuarantined: the request caused it.
            InternalError: the worker is alive; the failure is a bug.
        """
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise InternalError(f"The worker answered {error.code().name}: {error.details()}") from error
        keeper.lose(worker)
        self._suspects.accuse(request, was_alone=worker.num_victims(keeper.num_inside) == 1)

    @property
    def _retry_after_s(self) -> float:
        return max(1.0, min(keeper.backoff_s for keeper in self._keepers))

    async def _supervise(self, keeper: Keeper, sockets: Path) -> None:
        try:
            await keeper.run(sockets, on_death=self._goes_on, on_restart=lambda: self.on_restart())
        except TimeAudioError as error:
            self._give_up(f"The model cannot be loaded: {error}")

    def _goes_on(self, status: int | None) -> bool:
        """Return whether to go on: at least one worker must be within its restart limit."""
        if any(keeper.deaths <= self._settings.max_restarts for keeper in self._keepers):
            return True
        deaths = max(keeper.deaths for keeper in self._keepers)
        self._give_up(f"The model's process died {deaths} times in a row, the last time with status {status}.")
        return False

    def _give_up(self, why: str) -> None:
        self._state = why
        self._places.close(NotReady(f"{why} The server is exiting.", retry_after_s=5))
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
