"""A pipeline that hears what a test tells it to: it stands where `model.pipeline` stands in a worker.

Its answers follow from the recording's length alone, or from the words of a query:

    "sleep 2.5"    takes so many seconds, computing nothing; others are answered meanwhile
    "stick"        never returns from its step, as a hanging kernel would
    "crash"        ends the process as the out-of-memory killer would
    "raise"        fails as a defect in one request would
    "break"        fails as a defect in a step would, which all requests share
    "nothing"      is absent
    anything else  happens from 0.1 s to half of the recording

The environment makes it fail earlier: SCRIPTED_LOAD is "slow" (2 s), "refuse" (a bad checkpoint) or "crash".
"""

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from model.audio.waveform import Waveform
from model.engine.updates import Answer, Answered, Done, Encoded, Failed, Found, Started, Update
from model.errors import CheckpointError, TaskNotSupported
from model.timeline.event import Event
from model.timeline.interval import Interval

STEP_S = 0.005


@dataclass(frozen=True)
class Decoding:
    num_beams: int = 1
    max_new_tokens: int = 200
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


@dataclass(eq=False)
class Inquiry:
    duration: int
    num_audio_tokens: int
    queries: list[tuple[int, str]]
    until: float = 0.0
    updates: list[Update] = field(default_factory=list)


class Session:
    """Each step tells all that is due: one answer of each request."""

    name = "scripted"
    tasks = ("dense_caption", "ground")
    num_slots = 4
    calibrated = ()

    def __init__(self) -> None:
        self._inquiries: list[Inquiry] = []

    @property
    def is_idle(self) -> bool:
        return not self._inquiries

    @property
    def num_free(self) -> int:
        return max(0, self.num_slots - len(self._inquiries))

    def submit(self, waveform: Waveform, task: str, queries: tuple[str, ...], decoding: Decoding) -> Inquiry:
        if task not in self.tasks:
            raise TaskNotSupported(f"scripted was trained for {', '.join(self.tasks)}, not for {task}.")
        num_tokens = -(-waveform.num_samples // 5440)
        inquiry = Inquiry(waveform.duration_tenths, num_tokens, list(enumerate(queries or [""])))
        inquiry.updates = [Started(time.monotonic()), Encoded(0.0, num_tokens)]
        self._inquiries.append(inquiry)
        return inquiry

    def cancel(self, inquiry: Inquiry) -> None:
        if inquiry in self._inquiries:
            self._inquiries.remove(inquiry)

    def step(self) -> list[tuple[Inquiry, Update]]:
        told: list[tuple[Inquiry, Update]] = []
        for inquiry in list(self._inquiries):
            told += [(inquiry, update) for update in inquiry.updates or self._next(inquiry)]
            inquiry.updates = []
        if not told:
            time.sleep(STEP_S)
        return told

    def _next(self, inquiry: Inquiry) -> list[Update]:
        index, query = inquiry.queries[0]
        match query.split():
            case ["sleep", seconds]:
                inquiry.until = inquiry.until or time.monotonic() + float(seconds)
                if time.monotonic() < inquiry.until:
                    return []
            case ["stick"]:
                time.sleep(3600)
            case ["crash"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["break"]:
                raise RuntimeError("a defect, with secrets in its message")
            case ["raise"]:
                self._inquiries.remove(inquiry)
                return [Failed(RuntimeError("a defect, with secrets in its message"))]
        inquiry.queries.pop(0)
        took_s = float(query.split()[1]) if inquiry.until else 0.0
        inquiry.until = 0.0
        answer = _answer(inquiry.duration, query)
        found = [Found(index, event) for event in answer.events]
        if inquiry.queries:
            return [*found, Answered(index, answer, took_s)]
        self._inquiries.remove(inquiry)
        return [*found, Answered(index, answer, took_s), Done()]


def _answer(duration: int, query: str) -> Answer:
    if not query:
        return Answer((Event((Interval(0, duration),), "All of it."),), "all", 12, 7)
    if query == "nothing":
        return Answer((), "absent", 12, 7)
    end = max(2, duration // 2)
    return Answer((Event((Interval(1, end),), ""),), f"0.1 - {end / 10}", 12, 7)


class Pipeline:
    @classmethod
    def load(
        cls,
        checkpoint: Path | None = None,
        *,
        device: str = "cpu",
        num_slots: int | None = None,
        slot_tokens: int = 1024,
        most_beams: int = 8,
    ) -> "Pipeline":
        match os.environ.get("SCRIPTED_LOAD"):
            case "slow":
                time.sleep(2.0)
            case "refuse":
                raise CheckpointError(f"{checkpoint} holds no config.json.")
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)
        return cls()

    def session(self) -> Session:
        return Session()
