"""The engine that the server runs on: one worker process, started again when it dies."""

import asyncio
import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import grpc

from model.errors import TimeAudioError
from server.engine import convert
from server.engine.process import WorkerCommand, WorkerProcess
from server.engine.protocol import ModelInfo, Request, Started, Update
from server.errors import DeadlineExceeded, InternalError, NotReady, WorkerLost
from server.settings import Settings

_log = logging.getLogger(__name__)

_MAX_BACKOFF_S = 30.0
_LOST = "The model was lost and is being loaded again."
_MAX_SOCKET_PATH = 90  # sockaddr_un holds 108 bytes, 104 on a Mac


class WorkerEngine:
    """Supervises the worker and hands it as many requests as it has slots, in the order in which they came.

    Args:
        settings: how long to wait, how often to restart.
        checkpoint: directory of the model; None for the embedded one.
        device: what it computes on.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        checkpoint: Path | None,
        device: str = "cpu",
    ) -> None:
        worker = settings.worker
        self._settings = worker
        self._command = WorkerCommand(
            checkpoint=checkpoint,
            device=device,
            threads=worker.threads,
            slots=worker.slots,
            slot_tokens=worker.slot_tokens,
            most_beams=settings.limits.num_beams,
            pipeline=worker.pipeline,
            quantize=worker.quantize,
        )
        self.on_restart: Callable[[], object] = lambda: None
        self.on_failure: Callable[[], object] = lambda: None
        self._folder: Path | None = None
        self._worker: WorkerProcess | None = None
        self._model: ModelInfo | None = None
        self._state = "The model has not been started."
        self._deaths = 0
        self._places = asyncio.Semaphore(1)  # one per slot, once a worker has told how many it has
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def model(self) -> ModelInfo | None:
        """The model, while its worker lives."""
        return self._model

    @property
    def state(self) -> str:
        """One sentence for people."""
        return self._state

    async def start(self) -> None:
        """Start to supervise; the model loads meanwhile."""
        self._state = "The model is loading."
        self._folder = _socket_folder()
        self._supervisor = asyncio.create_task(self._supervise(), name="supervisor")

    async def close(self) -> None:
        """Stop the worker."""
        self._state = "The server is shutting down."
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def analyze(self, request: Request) -> AsyncGenerator[Update, None]:
        """See `Engine.analyze`."""
        arrived = time.monotonic()
        self._living()  # Who comes while there is no model is told at once, not after a wait.
        async with self._places:
            if time.monotonic() > request.deadline:
                raise DeadlineExceeded("The request waited for its whole time. Send it again when there is less to do.")
            worker = self._living()
            call = worker.stub.Analyze(convert.request_message(request))
            try:
                async for message in call:
                    update = convert.update(message)
                    if update is None:
                        self._deaths = 0
                        return
                    yield Started(time.monotonic() - arrived) if isinstance(update, Started) else update
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    self._lose(worker)
                    raise WorkerLost(
                        "The process that held this request died, and is being started again. Send it again.",
                        retry_after_s=self._retry_after_s,
                    ) from None
                raise InternalError(f"The worker answered {error.code().name}: {error.details()}") from error
            finally:
                call.cancel()

    @property
    def _retry_after_s(self) -> float:
        return max(1.0, self._backoff_s)

    @property
    def _backoff_s(self) -> float:
        return float(min(_MAX_BACKOFF_S, self._settings.backoff_s * 2 ** max(0, self._deaths - 1)))

    def _living(self) -> WorkerProcess:
        if self._worker is None or self._model is None:
            raise NotReady(f"{self._state} Send the request again later.", retry_after_s=self._retry_after_s)
        return self._worker

    def _lose(self, worker: WorkerProcess) -> None:
        """Stop counting on a worker that hung up, also before the news of its death; its supervisor does the rest."""
        if self._worker is worker:
            self._worker = self._model = None
            self._state = _LOST
        worker.kill()

    async def _supervise(self) -> None:
        assert self._folder is not None, "made by start"
        number = 0
        while True:
            try:
                status = await self._live(self._folder / f"worker-{number}.sock")
            except TimeAudioError as error:
                self._give_up(f"The model cannot be loaded: {error}")
                return
            number += 1
            self._deaths += 1
            if self._deaths > self._settings.max_restarts:
                self._give_up(f"The model's process died {self._deaths} times in a row, the last time with {status}.")
                return
            self._state = _LOST
            _log.warning("The worker ended with status %s; starting it again in %.1f s.", status, self._backoff_s)
            await asyncio.sleep(self._backoff_s)
            self.on_restart()

    def _give_up(self, why: str) -> None:
        self._state = why
        self.on_failure()

    async def _live(self, socket: Path) -> int | None:
        """One life of the worker, from its start to its exit status; None where it did not become ready in time.

        Raises:
            TimeAudioError: the checkpoint cannot be loaded.
        """
        worker = await WorkerProcess.start(self._command, socket)
        exited = asyncio.create_task(worker.exited())
        ready = asyncio.create_task(worker.ready())
        try:
            await asyncio.wait(
                (exited, ready),
                timeout=self._settings.startup_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not exited.done():
                if not ready.done():
                    _log.error("The worker was not ready after %g s.", self._settings.startup_timeout_s)
                    return None
                status = ready.result()
                self._places = asyncio.Semaphore(status.num_slots)
                self._model = convert.model_info(status)
                self._worker = worker
                self._state = f"{self._model.name} is ready."
                _log.info("%s is ready in process %d.", self._model.name, worker.pid)
            return await exited
        finally:
            self._worker = self._model = None
            exited.cancel()
            ready.cancel()
            await asyncio.shield(worker.stop())
            socket.unlink(missing_ok=True)


def _socket_folder() -> Path:
    """A private folder whose path is short enough for a socket, wherever temporary files live here."""
    folder = Path(tempfile.mkdtemp(prefix="timeaudio-"))
    if len(str(folder)) <= _MAX_SOCKET_PATH:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="timeaudio-", dir="/tmp"))
