"""Typed answers, one class per task: the JSON that the server sends, as frozen objects.

The server makes them, the client reads them, `timeaudio.formats` writes them. Seconds are floats with one decimal,
counted from the start of the file. An interval is half-open: it holds its start and not its end. Fields that a newer
server adds are kept out of the way, so that an old client goes on working.
"""

from pydantic import BaseModel, ConfigDict, Field


class Result(BaseModel):
    """The base of every answer: immutable, and indifferent to fields it does not know."""

    # Built when first used: a client that only asks for captions does not wait for the rest.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Interval(Result):
    """A stretch of the recording, `[start, end)` in seconds.

    `confidence` is the calibrated probability that the interval is right: what it says is heard, and the times have an
    IoU of 0.5 or more with the true ones. None where the model is not calibrated for the task.
    """

    start: float = Field(description="Seconds from the start of the file.", examples=[0.5])
    end: float = Field(description="Seconds from the start of the file; larger than `start`.", examples=[2.5])
    confidence: float | None = Field(
        None, description="How likely the interval is right, 0 to 1; null where the model is not calibrated for it."
    )

    @property
    def duration_s(self) -> float:
        """Length in seconds, rounded to a tenth."""
        return round(self.end - self.start, 1)


class AudioInfo(Result):
    """What was heard of the recording: `duration` seconds, from `start` seconds of the file on."""

    duration: float = Field(description="Seconds that were analysed.", examples=[10.0])
    start: float = Field(0.0, description="Where they begin in the file, in seconds.", examples=[0.0])


class Usage(Result):
    """What an answer took. `audio_seconds` is the length that was heard; the rest are counts of model tokens."""

    audio_seconds: float = Field(examples=[10.0])
    audio_tokens: int = Field(description="Tokens that the recording became for the language model.", examples=[30])
    prompt_tokens: int = Field(
        description="Tokens that the language model read, those of the recording included; summed over the queries.",
        examples=[52],
    )
    completion_tokens: int = Field(
        description="Tokens that the language model wrote; summed over the queries.", examples=[24]
    )


class Timing(Result):
    """Where the time went, in seconds."""

    decode_s: float = Field(description="Decoding the file to samples.", examples=[0.012])
    queue_s: float = Field(description="Waiting for the model.", examples=[0.001])
    encode_s: float = Field(description="Encoding the sound, once for all queries.", examples=[0.18])
    generate_s: float = Field(description="Writing the answers.", examples=[0.31])
    total_s: float = Field(description="From the first byte of the request to its answer.", examples=[0.512])


class Answer(Result):
    """What every answer carries, whatever the task."""

    id: str = Field(examples=["ta-6f0c2d9b8a4e4b0f9a5f5f0d6f1f2a3b"])
    model: str = Field(examples=["timeaudio-tiny"])
    audio: AudioInfo
    usage: Usage
    timing: Timing


class CaptionedEvent(Result):
    """One event: what is heard, and every stretch in which it is heard."""

    intervals: tuple[Interval, ...]
    caption: str = Field(examples=["A dog barks."])


class DenseCaption(Answer):
    """Every event that was heard in a recording; empty when nothing was."""

    events: tuple[CaptionedEvent, ...]


class GroundingResult(Result):
    """Where one query happens. `present` is False, and `intervals` empty, when it does not."""

    query: str = Field(examples=["a dog barks"])
    present: bool = Field(description="False: it does not happen, and `intervals` is empty.")
    intervals: tuple[Interval, ...]


class Grounding(Answer):
    """Where each query happens, in the order in which the queries were asked."""

    results: tuple[GroundingResult, ...]


class SummarySegment(Interval):
    """A stretch of speech, and what is said in it."""

    summary: str = Field(examples=["The speaker welcomes the audience."])


class Summary(Answer):
    """What is said in a recording, stretch by stretch, in order; empty when nobody speaks."""

    segments: tuple[SummarySegment, ...]


class QuestionAnswer(Answer):
    """The answer to a question about a recording, and the intervals that it names, if any."""

    question: str = Field(examples=["How often does the dog bark?"])
    answer: str = Field(examples=["Twice."])
    intervals: tuple[Interval, ...]


AnyAnswer = DenseCaption | Grounding | Summary | QuestionAnswer

Piece = CaptionedEvent | GroundingResult | SummarySegment | Interval
"""What a streamed answer is told in, by task: an event, a query's result, a segment, an interval of an answer."""


class Beginning(Result):
    """What a streamed answer begins with, before its first event."""

    id: str = Field(examples=["ta-6f0c2d9b8a4e4b0f9a5f5f0d6f1f2a3b"])
    model: str = Field(examples=["timeaudio-tiny"])
    audio: AudioInfo | None = Field(None, description="None for live sound: nobody knows yet how long it will be.")
