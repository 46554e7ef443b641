"""Supervises the worker of one device: starts, watches and replaces it."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import grpc

from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.settings import Worker
from server.telemetry import tracing
from server.workers import codec
from server.workers.process import WorkerCommand, WorkerProcess
from server.workers.protocol import ModelInfo
from server.workers.watchdog import Watchdog

_log = logging.getLogger(__name__)

_MAX_BACKOFF_S = 30.0
_MOST_DOUBLINGS = 16
_LOST = "The model process was lost; the model is being reloaded."


class Supervisor:
    """Keeps one worker running, for as long as `run` is awaited.

    Args:
        command: how to start the worker.
        settings: its timeouts and restart limits.
        on_change: called whenever the worker starts or stops accepting requests.

    Attributes:
        model: the loaded model, while it can answer; None while the worker loads, is unresponsive or is gone.
        state: what the worker is doing, as a sentence for messages.
        status: the last status of a living worker.
        num_places: requests that the worker may hold.
        num_inside: requests that the worker holds.
        is_exclusive: whether the one request in the worker must stay alone.
        deaths: consecutive deaths, with no work done between them.
    """

    def __init__(self, command: WorkerCommand, settings: Worker, on_change: Callable[[], object]) -> None:
        self.model: ModelInfo | None = None
        self.state = "The model is loading."
        self.status: pb.StatusResponse | None = None
        self.num_places = 0
        self.num_inside = 0
        self.is_exclusive = False
        self.deaths = 0
        self._command = command
        self._settings = settings
        self._on_change = on_change
        self._worker: WorkerProcess | None = None

    @property
    def worker(self) -> WorkerProcess:
        """The living worker. Read it only while `model` is not None."""
        assert self._worker is not None, "no worker without a model"
        return self._worker

    @property
    def num_free(self) -> int:
        """Requests that the worker could accept now."""
        return 0 if self.model is None or self.is_exclusive else self.num_places - self.num_inside

    @property
    def backoff_s(self) -> float:
        """Seconds before the next start."""
        return float(min(_MAX_BACKOFF_S, self._settings.backoff_s * 2 ** min(max(0, self.deaths - 1), _MOST_DOUBLINGS)))

    def lose(self, worker: WorkerProcess) -> None:
        """Stop using a worker whose connection broke, even before it is known to have exited; `run` replaces it."""
        if self._worker is worker:
            self._worker = None
            self._set_model(None, _LOST)
        worker.kill()

    async def run(
        self, sockets: Path, *, on_death: Callable[[int | None], bool], on_restart: Callable[[], object]
    ) -> None:
        """Keep the worker running until `on_death`, called with each exit status, returns False.

        Raises:
            TimeAudioError: the checkpoint cannot be loaded; a restart would fail in the same way.
        """
        for number in range(1, 1_000_000):
            try:
                status = await self._live(sockets.with_name(f"{sockets.name}-{number}.sock"))
            except OSError as error:  # no memory or file for another process now
                _log.error("A worker cannot be started: %s", error)
                status = None
            self.deaths += 1
            self.state = _LOST
            if not on_death(status):
                return
            _log.warning("A worker ended with status %s; starting it again in %.1f s.", status, self.backoff_s)
            await asyncio.sleep(self.backoff_s)
            on_restart()

    async def _live(self, socket: Path) -> int | None:
        """Run the worker once and return its exit status, or None if it did not become ready in time.

        Raises:
            TimeAudioError: the checkpoint cannot be loaded.
        """
        worker = await WorkerProcess.start(self._command, socket)
        exited = asyncio.create_task(worker.exited())
        ready = asyncio.create_task(worker.ready())
        tasks: list[asyncio.Task[object]] = [exited, ready]
        needs_end = False
        try:
            await asyncio.wait(tasks, timeout=self._settings.startup_timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                if not ready.done():
                    _log.error("A worker was not ready within %g s.", self._settings.startup_timeout_s)
                    return None
                self._begin(worker, ready.result())
                watching = asyncio.create_task(self._watch(worker))
                tasks.append(watching)
                await asyncio.wait((exited, watching), return_when=asyncio.FIRST_COMPLETED)
            return await exited
        except asyncio.CancelledError:  # the server is shutting down
            needs_end = tracing.is_on()
            raise
        finally:
            self._worker = self.status = None
            self._set_model(None, _LOST)
            for task in tasks:
                task.cancel()
            if not needs_end:
                worker.kill()  # only unsent spans need a graceful exit
            await asyncio.shield(worker.stop())
            socket.unlink(missing_ok=True)

    def _begin(self, worker: WorkerProcess, status: pb.StatusResponse) -> None:
        self._worker = worker
        self.status = status
        self.num_places = status.num_slots
        model = codec.model_info(status)
        self._set_model(model, f"{model.name} is ready.")
        _log.info("%s is ready on %s in process %d.", model.name, self._command.device, worker.pid)

    async def _watch(self, worker: WorkerProcess) -> None:
        """Poll the worker's status. When it stops responding or making progress, kill it and return."""
        model, ready, pause_s = self.model, self.state, self._settings.heartbeat_s
        dog = Watchdog(pause_s, self._settings.silent_s, self._settings.stuck_s)
        while dog.verdict is None:
            began = time.monotonic()
            try:
                status = await worker.status(pause_s)
                self.status = status
                dog.report(num_steps=status.num_steps, is_busy=status.is_busy)
                await asyncio.sleep(pause_s)
            except (grpc.aio.AioRpcError, TimeoutError):
                dog.missed()
                await asyncio.sleep(max(0.0, began + pause_s - time.monotonic()))
            if self._worker is worker and model is not None and (self.model is None) != dog.is_doubtful:
                self._set_model(*(None, "The model does not respond.") if dog.is_doubtful else (model, ready))
        _log.error("The worker in process %d %s; replacing it.", worker.pid, dog.verdict)
        self.lose(worker)

    def _set_model(self, model: ModelInfo | None, state: str) -> None:
        self.model, self.state = model, state
        self._on_change()
