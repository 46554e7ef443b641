"""The engine interface. Times are integers in tenths of a second; measured durations are seconds."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

from model.timeline.event import Event
from model.timeline.task import Task as Task

SAMPLE_RATE = 16_000
"""Samples per second of `LazySamples`. Equals `model.audio.waveform.SAMPLE_RATE`, whose module imports NumPy."""
SAMPLES_PER_TENTH = SAMPLE_RATE // 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingOptions:
    """How the model decodes its answer."""

    num_beams: int = 1
    max_new_tokens: int | None = None
    """None: `model.timeline.answer_length.answer_tokens` of the samples of one pass."""
    temperature: float = 0.0
    """0: always the likeliest token."""
    top_p: float = 1.0
    seed: int | None = None


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
    task: Task
    samples: LazySamples = NO_SAMPLES
    queries: tuple[str, ...] = ()
    """ground: one answer per query, in this order. ask: the one question."""
    options: DecodingOptions = DecodingOptions()
    deadline: float
    """The time on the clock of `time.monotonic()` after which the answer is not needed."""
    is_streamed: bool = True
    """Whether the caller needs updates as they come. If not, the request can always be retried from the start."""
    embeddings: bool = False
    """Whether each interval gets an embedding."""
    num_passes: int = 1
    """The number of passes over a long recording. This request is one of them."""
    verbatim: bool = False
    """summarize: whether to return all spoken words, if the checkpoint recognises words."""


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """The model started the request, after it waited for `queue_s` seconds."""

    queue_s: float


@dataclass(frozen=True, slots=True)
class AudioEncoded:
    """The recording was encoded, once for all queries, in `encode_s` seconds of model time (see worker.proto)."""

    encode_s: float
    num_audio_tokens: int


@dataclass(frozen=True, slots=True)
class EventFound:
    """A complete event of the answer at `index`. The rest of that answer may still be decoding."""

    index: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswered:
    """One answer: to the query at `index`, or the only answer."""

    index: int
    events: tuple[Event, ...]
    text: str
    """The raw text of the model. Its times are markers, relative to the first sample that was sent."""
    present: bool
    num_prompt_tokens: int
    num_completion_tokens: int
    generate_s: float
    num_interventions: int = 0
    """Tokens at which the grammar masked more than half of the model's probability."""
    is_cut: bool = False
    """Whether the answer, or that of a pass, reached its token limit; see `server.inference.answer_limit`."""


@dataclass(frozen=True, slots=True)
class PassesDone:
    """How many passes of a long recording are done. Engines never send it: to them, each pass is a request."""

    num_done: int
    num_passes: int


Update = RequestStarted | AudioEncoded | EventFound | QueryAnswered | PassesDone


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
