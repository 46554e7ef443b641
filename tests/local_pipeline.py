"""A scripted pipeline of all four tasks that replaces `model.pipeline` in the command line's process.

"nothing" is absent, "sleep 0.3" takes 0.3 s, any other query happens from 0.1 s to half of the recording.
SCRIPTED_LOAD=refuse in the environment makes the checkpoint invalid.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from model.audio.waveform import Waveform
from model.engine.updates import ParsedAnswer
from model.errors import CheckpointError, TaskNotSupported
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import TASKS


@dataclass(frozen=True)
class Recording:
    duration: int
    num_audio_tokens: int


def answered(*events: Event, written: str = "") -> ParsedAnswer:
    return ParsedAnswer(events, written, 12, 7)


class Pipeline:
    name = "scripted"
    tasks = TASKS
    calibrated = ("ground",)

    @classmethod
    def load(cls, checkpoint: Path | None = None) -> "Pipeline":
        if os.environ.get("SCRIPTED_LOAD") == "refuse":
            raise CheckpointError(f"{checkpoint} holds no config.json.")
        return cls()

    def encode(self, waveform: Waveform) -> Recording:
        return Recording(waveform.duration_tenths, -(-waveform.num_samples // 5440))

    def dense_caption(self, recording: Recording) -> ParsedAnswer:
        return answered(Event((Interval(0, recording.duration),), "All of it."))

    def ground(self, recording: Recording, query: str) -> ParsedAnswer:
        if query.startswith("sleep"):
            time.sleep(float(query.split()[1]))
        half = Event((Interval(1, max(2, recording.duration // 2)),), "")
        return answered() if query == "nothing" else answered(half)

    def answer(self, recording: Recording, task: str, question: str) -> ParsedAnswer:
        if task not in self.tasks:
            raise TaskNotSupported(f"{self.name} was trained for {', '.join(self.tasks)}, not for {task}.")
        if task == "summarize":
            return answered(Event((Interval(0, 10),), "Hello."), Event((Interval(10, 30),), "Goodbye."))
        return answered(Event((Interval(5, 10),), ""), written=f"<a_0><f_5>: {question.upper()}")
