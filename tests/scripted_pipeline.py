"""A pipeline that hears what a test tells it to: it stands where `model.pipeline` stands in a worker.

Its answers follow from the recording's length alone, or from the words of a query:

    "sleep 2.5"    takes so many seconds, computing nothing
    "crash"        ends the process as the out-of-memory killer would
    "raise"        fails as a defect would
    "nothing"      is absent
    anything else  happens from 0.1 s to half of the recording

The environment makes it fail earlier: SCRIPTED_LOAD is "slow" (2 s), "refuse" (a bad checkpoint) or "crash".
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from model.audio.waveform import Waveform
from model.errors import CheckpointError
from model.timeline.event import Event
from model.timeline.interval import Interval


@dataclass(frozen=True)
class Decoding:
    num_beams: int = 1
    max_new_tokens: int = 200


@dataclass(frozen=True)
class Recording:
    duration: int
    num_audio_tokens: int


@dataclass(frozen=True)
class Answer:
    events: tuple[Event, ...]
    text: str
    present: bool
    num_prompt_tokens: int = 12
    num_completion_tokens: int = 7


class Pipeline:
    name = "scripted"
    tasks = ("dense_caption", "ground")

    @classmethod
    def load(cls, checkpoint: Path | None = None, *, device: str = "cpu") -> "Pipeline":
        match os.environ.get("SCRIPTED_LOAD"):
            case "slow":
                time.sleep(2.0)
            case "refuse":
                raise CheckpointError(f"{checkpoint} holds no config.json.")
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)
        return cls()

    def encode(self, waveform: Waveform) -> Recording:
        return Recording(waveform.duration_tenths, -(-waveform.num_samples // 5440))

    def dense_caption(self, recording: Recording, options: Decoding) -> Answer:
        return Answer((Event((Interval(0, recording.duration),), "All of it."),), "all", present=True)

    def ground(self, recording: Recording, query: str, options: Decoding) -> Answer:
        match query.split():
            case ["sleep", seconds]:
                time.sleep(float(seconds))
            case ["crash"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["raise"]:
                raise RuntimeError("a defect, with secrets in its message")
            case ["nothing"]:
                return Answer((), "absent", present=False)
        end = max(2, recording.duration // 2)
        return Answer((Event((Interval(1, end),), ""),), f"0.1 - {end / 10}", present=True)
