"""The server from start to shutdown: its processes, its temporary files, and which requests it admits."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from model.errors import TaskNotSupported, TimeAudioError
from model.timeline.task import Task
from server.api.requests import InferenceRequest
from server.decoding.pool import DecodePool
from server.errors import (
    PROBLEMS,
    Cancelled,
    InvalidField,
    InvalidFieldDetail,
    NotReady,
    Overloaded,
    problem_of,
)
from server.inference.admission import Admission, Ticket
from server.reported import reported
from server.runtime.run_blocking import file_work
from server.settings import Settings
from server.telemetry.metrics import Metrics
from server.workers.protocol import Engine


class Lifecycle:
    """Starts and stops the processes, and admits or refuses requests.

    Attributes:
        draining: set at the start of shutdown: readiness checks fail.
        closed: set after the drain delay, when load balancers have had time to notice: new requests are refused.
    """

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics) -> None:
        self.engine = engine
        self.settings = settings
        self.metrics = metrics
        self.draining = self.closed = False
        self._folder: Path | None = None
        self._decoder = DecodePool(settings)
        self._warming: asyncio.Task[None] | None = None
        self._admission = Admission(settings.limits, num_workers=lambda: engine.num_workers)

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return not self.draining and self._decoder_warm and self.engine.model is not None

    @property
    def _decoder_warm(self) -> bool:
        return self._warming is not None and self._warming.done()

    async def start(self) -> None:
        """Begin to load the model and to start the decoders, without waiting for either."""
        self._folder = Path(tempfile.mkdtemp(prefix="timeaudio-uploads-"))
        self._warming = asyncio.create_task(self._decoder.start(), name="decoders")
        await self.engine.start()

    async def close(self) -> None:
        """Stop all processes and delete all temporary files."""
        self.draining = self.closed = True
        if self._warming is not None:
            self._warming.cancel()
        await asyncio.gather(self.engine.close(), self._decoder.close())
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def check_ready(self) -> None:
        """Check readiness for a load balancer.

        Raises:
            NotReady: as `check_open`, and as soon as the server is draining.
        """
        if self.draining:
            raise NotReady("The server is shutting down. Send requests to another one, or later.", retry_after_s=5)
        self.check_open()

    def check_open(self) -> None:
        """Check that the server can accept a new request.

        Raises:
            NotReady: the model is loading or was lost, or the server no longer accepts requests.
        """
        if self.closed:
            raise NotReady("The server is shutting down. Send the request to another one, or later.", retry_after_s=5)
        if self.engine.model is not None and not self._decoder_warm:
            raise NotReady("The audio decoders are starting. Send the request again later.", retry_after_s=1)
        if self.engine.model is None:
            raise NotReady(f"{self.engine.state} Send the request again later.", retry_after_s=2)

    def check_task(self, task: Task) -> None:
        """Check that the model was trained for a task: on any other task it would guess.

        Raises:
            TaskNotSupported: it was not.
        """
        model = self.engine.model
        if model is not None and task not in model.tasks:
            raise TaskNotSupported(
                f"{model.name} was not trained for {task}; it supports: {', '.join(model.tasks)}. "
                "GET /v1/models lists the tasks of a server."
            )

    def check_confidence(self, inference: InferenceRequest, *, field: str = "min_confidence") -> None:
        """Check that the model is calibrated for the task if the request sets a minimum confidence.

        Raises:
            InvalidField: it is not; the error names `field`.
        """
        model, task = self.engine.model, inference.params.task
        if inference.min_confidence and model is not None and task not in model.calibrated:
            detail = f"the confidence of {model.name} is not calibrated for {task}; leave it out, or send 0"
            raise InvalidField([InvalidFieldDetail(field, detail)])

    @contextmanager
    def admit(self) -> Iterator[Ticket]:
        """Hold a place in the queue from before the body is read, and count the outcome of the request.

        Raises:
            NotReady, Overloaded: the request is refused unread.
            OutOfSpace: the disk or its quota is full.
            InternalError: replaces any unexpected exception raised inside.
        """
        begun = time.monotonic()
        try:
            self.check_open()
            with self._admission.enter() as ticket:
                yield ticket
            self.metrics.e2e_s.observe(time.monotonic() - begun)
        except (NotReady, Overloaded) as error:
            reason = "queue_full" if isinstance(error, Overloaded) else "not_ready"
            self.metrics.shed.labels(reason).inc()
            raise
        except TimeAudioError as error:
            self.metrics.failure.labels(problem_of(error).slug).inc()
            raise
        except asyncio.CancelledError:  # a caller that disconnects cancels its stream or call
            self.metrics.failure.labels(PROBLEMS[Cancelled].slug).inc()
            raise
        except Exception as error:
            ours = reported(error)
            self.metrics.failure.labels(problem_of(ours).slug).inc()
            raise ours from error

    def further_place(self) -> AbstractContextManager[Ticket]:
        """Hold another place for a request that `admit` has admitted, and whose outcome it counts.

        Raises:
            Overloaded: the queue is full.
        """
        return self._admission.enter(beside=1)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue for a request that does not need the model.

        Raises:
            Overloaded: the queue is full.
        """
        try:
            with self._admission.enter() as ticket:
                ticket.starts()
                yield
        except Overloaded:
            self.metrics.shed.labels("queue_full").inc()
            raise

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Path]:
        """A private folder for one request's files, deleted afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            yield folder
        finally:
            held = 0
            with contextlib.suppress(FileNotFoundError):  # abandoned decoding may have deleted it already
                held = sum(path.stat().st_size for path in folder.iterdir())
            await file_work(held, shutil.rmtree, folder, ignore_errors=True)
