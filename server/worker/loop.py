"""The model thread: accepts requests between steps, and sends the updates of each step immediately."""

import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from model.audio.waveform import Waveform
from model.engine.updates import DeviceLost, Done, Failed, Update
from model.task_params import TaskParams
from model.timeline.task import Task
from server.errors import DeadlineExceeded
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.worker.job import Job, failure

_log = logging.getLogger(__name__)

JobMessage = tuple[Job, pb.AnalyzeResponse]


class SessionProtocol(Protocol):
    """What the worker needs from `model.engine.session`. Requests are opaque to it."""

    name: str
    tasks: Sequence[Task]
    calibrated: Sequence[Task]

    @property
    def is_idle(self) -> bool:
        """Whether all work is done."""

    @property
    def num_slots(self) -> int:
        """Answers that can be decoded at once."""

    @property
    def num_free(self) -> int:
        """Slots that are free now."""

    def submit(self, waveform: Waveform, params: TaskParams, *, arrived_s: float | None = None) -> Any:
        """Queue a request and return its handle."""

    def cancel(self, request: Any) -> None:
        """Drop a request."""

    def step(self) -> list[tuple[Any, Update]]:
        """Advance all submitted requests by one step and return their updates."""


class ModelLoop:
    """Steps a session in a dedicated thread while it has work, and sleeps while it has none.

    Other threads add and cancel jobs. Each job is answered with messages; the last one is done or failed.

    Args:
        session: used by this loop's thread only.
        send: called in this loop's thread after each step, with all its messages.

    Attributes:
        num_steps: steps so far, for a watchdog.
    """

    def __init__(self, session: SessionProtocol, send: Callable[[list[JobMessage]], object]) -> None:
        self.session = session
        self.num_steps = 0
        self._send = send
        self._inbox: queue.SimpleQueue[tuple[Job, bool]] = queue.SimpleQueue()
        self._jobs: dict[Any, Job] = {}
        self._outbox: list[JobMessage] = []

    @property
    def num_running(self) -> int:
        """Jobs that the model has started."""
        return sum(job.has_started for job in list(self._jobs.values()))

    @property
    def is_busy(self) -> bool:
        """Whether there are jobs, submitted or in the inbox."""
        return bool(self._jobs) or not self._inbox.empty()

    def add(self, job: Job) -> None:
        """Submit a job before the next step."""
        self._inbox.put((job, True))

    def cancel(self, job: Job) -> None:
        """Drop a job before the next step."""
        self._inbox.put((job, False))

    def start(self) -> None:
        """Run in a new thread until the process exits."""
        threading.Thread(target=self.run, name="model", daemon=True).start()

    def run(self) -> None:
        """Run in this thread forever. If the loop fails, exit the process: without this thread it could not answer."""
        try:
            while True:
                self.turn()
        except BaseException:
            _log.critical("The model thread failed; exiting.", exc_info=True)
            os._exit(1)

    def turn(self) -> None:
        """Accept and cancel jobs, then run one step. Block until work arrives if all work is done."""
        self._let_in()
        self._drop_late()
        try:
            for request, update in [] if self.session.is_idle else self.session.step():
                self._report(self._jobs[request], update)
        except DeviceLost:
            _log.critical("The compute device was lost; exiting.", exc_info=True)
            os._exit(1)  # this process cannot use the device again; a new process can
        except Exception as error:
            # The failing request is unknown, so fail them all: this frees the slots and keeps the loop usable.
            for job in list(self._jobs.values()):
                self.session.cancel(job.handle)
                self._report(job, Failed(error))
        self.num_steps += 1
        if self._outbox:
            self._send(self._outbox)
            self._outbox = []

    def _let_in(self) -> None:
        is_waiting = self.session.is_idle and not self._outbox
        while is_waiting or not self._inbox.empty():
            job, is_new = self._inbox.get()
            is_waiting = False
            if is_new:
                self._submit(job)
            elif job.handle in self._jobs:
                del self._jobs[job.handle]
                self.session.cancel(job.handle)

    def _submit(self, job: Job) -> None:
        try:
            job.submit(self.session)
            self._jobs[job.handle] = job
        except Exception as error:
            self._outbox.append((job, failure(error, job.request_id)))

    def _drop_late(self) -> None:
        for job in [job for job in self._jobs.values() if job.is_late]:
            self.session.cancel(job.handle)
            self._report(job, Failed(DeadlineExceeded("The answer was not ready in time.")))

    def _report(self, job: Job, update: Update) -> None:
        self._outbox.append((job, job.message(update)))
        if isinstance(update, Failed | Done):
            del self._jobs[job.handle]
