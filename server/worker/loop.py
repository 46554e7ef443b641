"""The model's thread: requests come in between steps, and what a step brings goes out at once."""

import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from model.engine.updates import DeviceLost, Done, Failed, Update
from model.timeline.task import Task
from server.errors import DeadlineExceeded
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.worker.job import Job, failure

_log = logging.getLogger(__name__)

Told = tuple[Job, pb.AnalyzeResponse]


class Session(Protocol):
    """What the worker needs of `model.engine.session`. Inquiries and options pass through unseen."""

    name: str
    tasks: Sequence[Task]
    calibrated: Sequence[Task]

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""

    @property
    def num_slots(self) -> int:
        """Answers that can be written at once."""

    @property
    def num_free(self) -> int:
        """How many more than now."""

    def submit(self, waveform: Any, task: Task, queries: Sequence[str], decoding: Any) -> Any:
        """Let a request wait."""

    def cancel(self, inquiry: Any) -> None:
        """Forget it."""

    def step(self) -> list[tuple[Any, Update]]:
        """Work a little on everything that was submitted."""


class ModelLoop:
    """Steps a session for as long as it has work, in a thread of its own, and sleeps while it has none.

    Jobs are added and cancelled from other threads; each is answered with messages, the last one done or failed.

    Args:
        session: in whose thread nobody else is.
        decoding: makes the options of one answer.
        send: called after each step with all that it brought, in this loop's thread.

    Attributes:
        num_steps: steps so far, for a watchdog.
    """

    def __init__(self, session: Session, decoding: Callable[..., Any], send: Callable[[list[Told]], object]) -> None:
        self.session = session
        self.num_steps = 0
        self._decoding = decoding
        self._send = send
        self._inbox: queue.SimpleQueue[tuple[Job, bool]] = queue.SimpleQueue()
        self._jobs: dict[Any, Job] = {}
        self._outbox: list[Told] = []

    @property
    def num_running(self) -> int:
        """Jobs that the model has begun with."""
        return sum(job.has_started for job in list(self._jobs.values()))

    @property
    def is_busy(self) -> bool:
        """Whether there is something to do, now or before the next step."""
        return bool(self._jobs) or not self._inbox.empty()

    def add(self, job: Job) -> None:
        """Let a job in before the next step."""
        self._inbox.put((job, True))

    def cancel(self, job: Job) -> None:
        """Forget a job before the next step: nothing more is told about it."""
        self._inbox.put((job, False))

    def start(self) -> None:
        """Run in a new thread, to the end of the process."""
        threading.Thread(target=self.run, name="model", daemon=True).start()

    def run(self) -> None:
        """Run in this thread, for ever. A process without its model's thread would look alive, so it ends instead."""
        try:
            while True:
                self.turn()
        except BaseException:
            _log.critical("The model's thread ended.", exc_info=True)
            os._exit(1)

    def turn(self) -> None:
        """What happens between two steps, waiting for work where there is none, and a step."""
        self._let_in()
        self._drop_late()
        try:
            for inquiry, update in [] if self.session.is_idle else self.session.step():
                self._tell(self._jobs[inquiry], update)
        except DeviceLost:
            _log.critical("The model's device is lost.", exc_info=True)
            os._exit(1)  # nothing on it can be used again: a new process has to
        except Exception as error:
            # Whose fault it was cannot be told; the slots are free again, and the next request finds the loop in order.
            for job in list(self._jobs.values()):
                self.session.cancel(job.inquiry)
                self._tell(job, Failed(error))
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
            elif job.inquiry in self._jobs:
                del self._jobs[job.inquiry]
                self.session.cancel(job.inquiry)

    def _submit(self, job: Job) -> None:
        try:
            job.submit(self.session, self._decoding)
            self._jobs[job.inquiry] = job
        except Exception as error:
            self._outbox.append((job, failure(error, job.request_id)))

    def _drop_late(self) -> None:
        for job in [job for job in self._jobs.values() if job.is_late]:
            self.session.cancel(job.inquiry)
            self._tell(job, Failed(DeadlineExceeded("The answer was not ready in time.")))

    def _tell(self, job: Job, update: Update) -> None:
        self._outbox.append((job, job.message(update)))
        if isinstance(update, Failed | Done):
            del self._jobs[job.inquiry]
