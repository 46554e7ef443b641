"""Typed answers: what the server's JSON holds, as frozen objects.

Seconds are floats with one decimal, counted from the start of the file. An interval is half-open: it holds its
start and not its end. Fields that a newer server adds are kept out of the way, so that an old client goes on working.
"""

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """The base of every answer: immutable, and indifferent to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Interval(Result):
    """A stretch of the recording, `[start, end)` in seconds.

    `confidence` is the calibrated probability that the interval is right, or None while it is not calibrated.
    """

    start: float
    end: float
    confidence: float | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds, rounded to a tenth."""
        return round(self.end - self.start, 1)


class CaptionedEvent(Result):
    """One event: what is heard, and every stretch in which it is heard."""

    intervals: tuple[Interval, ...]
    caption: str


class AudioInfo(Result):
    """What was heard of the recording: `duration` seconds, from `start` seconds of the file on."""

    duration: float
    start: float = 0.0


class Usage(Result):
    """What an answer took. `audio_seconds` is the length that was heard; the rest are counts of model tokens."""

    audio_seconds: float
    audio_tokens: int
    prompt_tokens: int
    completion_tokens: int


class Timing(Result):
    """Where the time went, in seconds: decoding the file, waiting, encoding the sound, writing the answer; and all."""

    decode_s: float
    queue_s: float
    encode_s: float
    generate_s: float
    total_s: float


class Answer(Result):
    """What every answer carries, whatever the task."""

    id: str
    model: str
    audio: AudioInfo
    usage: Usage
    timing: Timing


class DenseCaption(Answer):
    """Every event that was heard in a recording; empty when nothing was."""

    events: tuple[CaptionedEvent, ...]


class GroundingResult(Result):
    """Where one query happens. `present` is False, and `intervals` empty, when it does not."""

    query: str
    present: bool
    intervals: tuple[Interval, ...]


class Grounding(Answer):
    """Where each query happens, in the order in which the queries were asked."""

    results: tuple[GroundingResult, ...]
