"""A scripted pipeline that replaces `model.pipeline` in a worker.

Its answers depend only on the length of the recording, or on the text of a query:

    "sleep 2.5"    takes 2.5 seconds without computing; other requests are answered meanwhile
    "stick"        never returns from its step, like a hanging kernel
    "crash"        kills the process, like the out-of-memory killer
    "raise"        fails like a bug in one request
    "break"        fails like a bug in a step, which all requests share
    "nothing"      is absent
    anything else  happens from 0.1 s to half of the recording, or in all of one of 0.1 s

The environment can make it fail while loading: SCRIPTED_LOAD is "slow" (2 s), "refuse" (bad checkpoint), "crash",
or a path: loading waits until it exists.
"""

import os
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from model.audio.waveform import Waveform
from model.engine.updates import Answered, Done, Encoded, Failed, Found, ParsedAnswer, Started, Update
from model.errors import CheckpointError, TaskNotSupported
from model.task_params import TaskParams
from model.timeline.event import Event
from model.timeline.interval import Interval

STEP_S = 0.005
EMBEDDING = (0.6, -0.8, 0.0)
"""Of every interval, if embeddings are requested."""


@dataclass(eq=False)
class ScriptedRequest:
    duration: int
    num_audio_tokens: int
    embeddings: bool
    queries: list[tuple[int, str]]
    until: float = 0.0
    updates: list[Update] = field(default_factory=list)


class Session:
    """Each step returns all pending updates: one answer per request."""

    name = "scripted"
    tasks = ("dense_caption", "ground")
    num_slots = 4
    calibrated = ()

    def __init__(self) -> None:
        self._requests: list[ScriptedRequest] = []

    @property
    def is_idle(self) -> bool:
        return not self._requests

    @property
    def num_free(self) -> int:
        return max(0, self.num_slots - len(self._requests))

    def submit(self, waveform: Waveform, params: TaskParams, *, arrived_s: float) -> ScriptedRequest:
        if params.task not in self.tasks:
            raise TaskNotSupported(f"scripted was trained for {', '.join(self.tasks)}, not for {params.task}.")
        num_tokens = -(-waveform.num_samples // 5440)
        numbered = list(enumerate(params.queries or [""]))
        request = ScriptedRequest(waveform.duration_tenths, num_tokens, params.embeddings, numbered)
        request.updates = [Started(time.monotonic() - arrived_s), Encoded(0.0, num_tokens)]
        self._requests.append(request)
        return request

    def cancel(self, request: ScriptedRequest) -> None:
        if request in self._requests:
            self._requests.remove(request)

    def step(self) -> list[tuple[ScriptedRequest, Update]]:
        updates: list[tuple[ScriptedRequest, Update]] = []
        for request in list(self._requests):
            updates += [(request, update) for update in request.updates or self._next(request)]
            request.updates = []
        if not updates:
            time.sleep(STEP_S)
        return updates

    def _next(self, request: ScriptedRequest) -> list[Update]:
        index, query = request.queries[0]
        match query.split():
            case ["sleep", seconds]:
                request.until = request.until or time.monotonic() + float(seconds)
                if time.monotonic() < request.until:
                    return []
            case ["stick"]:
                time.sleep(3600)
            case ["crash"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["break"]:
                raise RuntimeError("a defect, with secrets in its message")
            case ["raise"]:
                self._requests.remove(request)
                return [Failed(RuntimeError("a defect, with secrets in its message"))]
        request.queries.pop(0)
        took_s = float(query.split()[1]) if request.until else 0.0
        request.until = 0.0
        answer = _answer(request.duration, query, EMBEDDING if request.embeddings else None)
        answer = replace(answer, generate_s=took_s)
        found = [Found(index, event) for event in answer.events]
        if request.queries:
            return [*found, Answered(index, answer)]
        self._requests.remove(request)
        return [*found, Answered(index, answer), Done()]


def _answer(duration: int, query: str, embedding: tuple[float, ...] | None) -> ParsedAnswer:
    if not query:
        return ParsedAnswer((Event((Interval(0, duration, embedding=embedding),), "All of it."),), "all", 12, 7)
    if query == "nothing":
        return ParsedAnswer((), "absent", 12, 7)
    start, end = min(1, duration - 1), min(duration, max(2, duration // 2))
    return ParsedAnswer((Event((Interval(start, end, embedding=embedding),), ""),), f"{start / 10} - {end / 10}", 12, 7)


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
            case str(path):
                while not Path(path).exists():
                    time.sleep(STEP_S)
        return cls()

    def session(self) -> Session:
        return Session()
