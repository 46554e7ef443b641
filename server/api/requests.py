"""A request about a file and its result, independent of the transport."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import cast

from model.engine.updates import ParsedAnswer
from model.task_params import TaskParams
from server.workers.protocol import SAMPLE_RATE, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRequest:
    """A task to run on a file. Units: seconds, except `start`, which is in tenths.

    Attributes:
        params: the task, for the engine.
        track: the audio track of the file, from 0; None for the one that a player plays.
        min_confidence: omit intervals below it; 0 keeps all.
    """

    params: TaskParams
    start: int = 0
    end_s: float | None = None
    track: int | None = None
    timeout_s: float | None = None
    min_confidence: float = 0.0


@dataclass(slots=True, kw_only=True)
class InferenceResult:
    """What was found, with its costs. Times in the answers count from `start` (tenths of a second) of the file.

    `warnings` say what decoding left out or filled in. `answers` has one per query, in order, or one.
    """

    id: str
    model: str
    queries: tuple[str, ...]
    start: int
    num_samples: int
    decode_s: float
    warnings: tuple[str, ...] = ()
    num_audio_tokens: int = 0
    queue_s: float = 0.0
    encode_s: float = 0.0
    total_s: float = 0.0
    answers: list[ParsedAnswer] = field(default_factory=list)

    @property
    def generate_s(self) -> float:
        """Seconds that the language model spent on all answers."""
        return sum(answer.generate_s for answer in self.answers)

    @property
    def audio_s(self) -> float:
        """Seconds of audio that were analysed, unrounded."""
        return self.num_samples / SAMPLE_RATE


async def first_and_rest(
    parts: AsyncGenerator[InferenceResult | Update, None],
) -> tuple[InferenceResult, AsyncIterator[Update]]:
    """Split `Service.stream` into the result, which comes first, and the updates that complete it."""
    result = await anext(parts)
    assert isinstance(result, InferenceResult), "it comes first"
    return result, cast(AsyncIterator[Update], parts)
