"""A scripted pipeline of all four tasks that replaces `model.pipeline` in the command line's process.

"nothing" is absent, "sleep 0.3" takes 0.3 s, any other query happens from 0.1 s to half of the recording, or in all of
it if the request says that it is one of several passes and the query is "everywhere".
SCRIPTED_LOAD=refuse in the environment makes the checkpoint invalid.
"""

import os
import time
from pathlib import Path

from model.audio.waveform import Waveform
from model.engine.updates import Answered, Done, Encoded, Failed, ParsedAnswer, Update
from model.errors import CheckpointError, TaskNotSupported
from model.task_params import TaskParams
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import TASKS


class Session:
    def __init__(self, tasks: tuple[str, ...]) -> None:
        self.tasks = tasks
        self.pending: list[tuple[Waveform, TaskParams]] = []

    @property
    def is_idle(self) -> bool:
        return not self.pending

    def submit(self, waveform: Waveform, params: TaskParams) -> int:
        if params.task not in self.tasks:
            raise TaskNotSupported(f"scripted was trained for {', '.join(self.tasks)}, not for {params.task}.")
        self.pending.append((waveform, params))
        return 0

    def cancel(self, request: int) -> None:
        self.pending.clear()

    def step(self) -> list[tuple[int, Update]]:
        waveform, params = self.pending.pop()
        updates: list[Update] = [Encoded(0.0, -(-waveform.num_samples // 5440))]
        for index, query in enumerate(params.queries or ("",)):
            if query == "fail":
                return [(0, update) for update in (*updates, Failed(CheckpointError("It failed.")))]
            updates.append(Answered(index, answer(waveform.duration_tenths, params, query)))
        return [(0, update) for update in (*updates, Done())]


def answer(duration: int, params: TaskParams, query: str) -> ParsedAnswer:
    took_s = float(query.split()[1]) if query.startswith("sleep") else 0.0
    time.sleep(took_s)

    def answered(*events: Event, written: str = "") -> ParsedAnswer:
        return ParsedAnswer(events, written, 12, 7, generate_s=took_s)

    half = Interval(1, max(2, duration // 2))
    match params.task:
        case "dense_caption":
            return answered(Event((Interval(0, duration),), "All of it."))
        case "ground":
            is_whole = query == "everywhere" and params.num_passes > 1
            interval = Interval(0, duration) if is_whole else half
            return answered() if query == "nothing" else answered(Event((interval,), ""))
        case "summarize":
            return answered(Event((Interval(0, 10),), "Hello."), Event((Interval(10, 30),), "Goodbye."))
        case _:
            return answered(Event((Interval(5, 10),), ""), written=f"<a_0><f_5>: {query.upper()}")


class Pipeline:
    name = "scripted"
    tasks = TASKS
    calibrated = ("ground",)

    @classmethod
    def load(cls, checkpoint: Path | None = None) -> "Pipeline":
        if os.environ.get("SCRIPTED_LOAD") == "refuse":
            raise CheckpointError(f"{checkpoint} holds no config.json.")
        return cls()

    def session(self) -> Session:
        return Session(self.tasks)
