"""What every transport may ask of an engine. Times are integers in tenths; measured durations are seconds."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

from model.timeline.event import Event
from model.timeline.task import Task as Task

SAMPLE_RATE = 16_000
"""Samples per second of `Samples`; equal to `model.audio.waveform.SAMPLE_RATE`, which needs NumPy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the model searches for its answer."""

    num_beams: int = 1
    max_new_tokens: int | None = None
    """None: `model.timeline.answer_length.answer_tokens` of what is heard in one pass."""
    temperature: float = 0.0
    """0: the likeliest token, always."""
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Sound that is read only when its turn comes: who waits does not hold it in memory."""

    count: int
    read: Callable[[], bytes]
    """Mono float32 little-endian samples at `SAMPLE_RATE`. The same each time; may take milliseconds a minute."""

    @property
    def num_bytes(self) -> int:
        """What reading takes."""
        return 4 * self.count


NO_SAMPLES = Samples(0, bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One recording, and what to find out about it."""

    id: str
    task: Task
    samples: Samples = NO_SAMPLES
    queries: tuple[str, ...] = ()
    """Grounding: one answer each, in this order. Asking: the one question."""
    options: Options = Options()
    deadline: float
    """On `time.monotonic()`'s clock: after it nobody wants the answer."""
    is_live: bool = True
    """Whether somebody reads the updates as they come. Otherwise the request can be asked again however far it was."""


@dataclass(frozen=True, slots=True)
class Started:
    """The model took the request up, after `queue_s` seconds of waiting."""

    queue_s: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """The recording was encoded, once for all queries, in so many seconds of the model's time (see the contract)."""

    encode_s: float
    num_audio_tokens: int


@dataclass(frozen=True, slots=True)
class Found:
    """An event that is complete, while the rest of the answer at `index` may still be written."""

    index: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer: to the query at `index`, or the only one."""

    index: int
    events: tuple[Event, ...]
    text: str
    """As the model wrote it: its times are markers, and count from the first sample that was sent."""
    present: bool
    num_prompt_tokens: int
    num_completion_tokens: int
    generate_s: float
    num_interventions: int = 0
    """Tokens before which the grammar forbade what the model held likelier than not."""


Update = Started | Encoded | Found | Answered


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The checkpoint that answers. Intervals of the tasks in `calibrated` have confidence."""

    name: str
    tasks: tuple[Task, ...]
    calibrated: tuple[Task, ...] = ()


class Engine(Protocol):
    """Something that answers requests, one process or many behind it.

    Attributes:
        on_restart: called whenever a lost worker is started again.
        on_failure: called once, when it cannot be brought back: the server should end.
    """

    on_restart: Callable[[], object]
    on_failure: Callable[[], object]

    @property
    def model(self) -> ModelInfo | None:
        """The model, while it can answer; None while it loads, restarts, or is gone."""

    @property
    def state(self) -> str:
        """One sentence for people: what the engine is doing."""

    @property
    def num_workers(self) -> int:
        """Models that can answer side by side."""

    @property
    def num_free(self) -> int:
        """Requests that would be worked on at once."""

    @property
    def slot_usage(self) -> float:
        """The share of the answers that can be written at once which are being written, 0.0 to 1.0."""

    async def start(self) -> None:
        """Begin to load; does not wait for the model."""

    async def close(self) -> None:
        """Stop everything that was started."""

    def analyze(self, request: Request) -> AsyncGenerator[Update, None]:
        """Updates as they come: started, encoded, then events as they are complete, and one answer per query (or one).

        Closing the generator, or cancelling the task that reads it, drops the work.

        Raises:
            NotReady, WorkerLost, DeadlineExceeded: nobody can answer, or not in time.
            RequestQuarantined: workers die of it.
            TimeAudioError: whatever the model finds wrong with the request.
        """
