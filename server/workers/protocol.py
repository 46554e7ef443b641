"""The engine interface. Times are integers in tenths of a second; measured durations are seconds."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

from model.engine.updates import Answered, Encoded, Found, Started
from model.task_params import TaskParams
from model.timeline.task import Task

SAMPLE_RATE = 16_000
"""Samples per second of `LazySamples`. Equals `model.audio.waveform.SAMPLE_RATE`, whose module imports NumPy."""
SAMPLES_PER_TENTH = SAMPLE_RATE // 10


@dataclass(frozen=True, slots=True)
class LazySamples:
    """Samples that are read only when the request is sent, so that waiting requests do not hold them in memory."""

    count: int
    read: Callable[[], bytes]
    """Mono float32 little-endian samples at `SAMPLE_RATE`, the same each time. Takes milliseconds per minute."""

    @property
    def num_bytes(self) -> int:
        """The size of the samples that `read` returns."""
        return 4 * self.count


NO_SAMPLES = LazySamples(0, bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequest:
    """One recording and the task to run on it."""

    id: str
    params: TaskParams
    samples: LazySamples = NO_SAMPLES
    deadline: float
    """The time on the clock of `time.monotonic()` after which the answer is not needed."""
    is_streamed: bool = True
    """Whether the caller needs updates as they come. If not, the request can always be retried from the start."""


@dataclass(frozen=True, slots=True)
class PassesDone:
    """How many passes of a long recording are done. Engines never send it: to them, each pass is a request."""

    num_done: int
    num_passes: int


Update = Started | Encoded | Found | Answered | PassesDone


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The loaded checkpoint. Intervals of the tasks in `calibrated` have a confidence."""

    name: str
    tasks: tuple[Task, ...]
    calibrated: tuple[Task, ...] = ()


class Engine(Protocol):
    """Answers requests, with one or several processes.

    Attributes:
        on_restart: called whenever a lost worker is restarted.
        on_failure: called once, when the engine has failed permanently: the server should exit.
    """

    on_restart: Callable[[], object]
    on_failure: Callable[[], object]

    @property
    def model(self) -> ModelInfo | None:
        """The model, while it can answer; None while it loads, restarts, or is gone."""

    @property
    def state(self) -> str:
        """What the engine is doing, as a sentence for messages."""

    @property
    def num_workers(self) -> int:
        """Workers that can answer in parallel."""

    @property
    def num_free(self) -> int:
        """Further requests that would start without waiting."""

    @property
    def slot_usage(self) -> float:
        """The share of all slots that are in use, 0.0 to 1.0."""

    async def start(self) -> None:
        """Start loading the model, without waiting for it."""

    async def close(self) -> None:
        """Stop everything that was started."""

    def analyze(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
        """Yield updates as they come: started, encoded, complete events, and one answer per query (or one).

        Closing the generator, or cancelling the task that reads it, drops the work.

        Raises:
            NotReady, WorkerLost, DeadlineExceeded: no worker can answer, or not in time.
            RequestQuarantined: the request crashes workers.
            TimeAudioError: the model rejected the request.
        """
