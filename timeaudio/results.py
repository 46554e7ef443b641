"""Typed answers, one class per task: the JSON that the server sends, as frozen objects.

The server creates them, the client parses them, `timeaudio.formats` writes them. Seconds are floats with one decimal,
counted from the start of the file. An interval is half-open: it includes its start and not its end. Fields that a newer
server adds are ignored, so that an old client keeps working.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Result(BaseModel):
    """The base of every answer: immutable, and ignoring unknown fields."""

    # Built on first use, so that a client does not wait for models that it never uses.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


def _is_none(value: Any) -> bool:
    return value is None


# Protobuf has no null: an embedding that was not requested is an empty list there.
_Embedding = Annotated[tuple[float, ...] | None, BeforeValidator(lambda value: value or None)]


class Interval(Result):
    """An interval of the recording, `[start, end)` in seconds.

    `confidence` is the calibrated probability that the interval is right: the event happens, and the times have an IoU
    of 0.5 or more with the true ones. None if the model is not calibrated for the task.

    `embedding` is a vector of length 1 for what sounds in the interval. It is None, and absent from JSON, unless it was
    requested and one pass of the model is at most 30 s long, as for dense captions and queries.
    """

    start: float = Field(description="Seconds from the start of the file.", examples=[0.5])
    end: float = Field(description="Seconds from the start of the file; larger than `start`.", examples=[2.5])
    confidence: float | None = Field(
        None, description="How likely the interval is right, 0 to 1; null if the model is not calibrated for it."
    )
    embedding: _Embedding = Field(
        None,
        exclude_if=_is_none,
        description="A vector of length 1 for what sounds in the interval; absent unless `embeddings` was set.",
    )

    @property
    def duration_s(self) -> float:
        """Length in seconds, rounded to a tenth."""
        return round(self.end - self.start, 1)


class AudioInfo(Result):
    """The part of the recording that was analysed: `duration` seconds, from `start` seconds into the file."""

    duration: float = Field(description="Seconds that were analysed.", examples=[10.0])
    start: float = Field(0.0, description="Start of the analysed part in the file, in seconds.", examples=[0.0])
    warnings: tuple[str, ...] = Field(
        (), description="What was left out or filled in while decoding, in sentences.", examples=[[]]
    )


class Usage(Result):
    """The cost of an answer. `audio_seconds` is the analysed length; the other fields count model tokens."""

    audio_seconds: float = Field(examples=[10.0])
    audio_tokens: int = Field(description="Tokens that represent the recording in the language model.", examples=[30])
    prompt_tokens: int = Field(
        description="Tokens that the language model read, including the recording's; summed over the queries.",
        examples=[52],
    )
    completion_tokens: int = Field(
        description="Tokens that the language model generated; summed over the queries.", examples=[24]
    )


class Timing(Result):
    """Where the time went, in seconds."""

    decode_s: float = Field(description="Decoding the file to samples.", examples=[0.012])
    queue_s: float = Field(description="Waiting for the model.", examples=[0.001])
    encode_s: float = Field(description="Encoding the audio, once for all queries.", examples=[0.18])
    generate_s: float = Field(description="Generating the answers.", examples=[0.31])
    total_s: float = Field(description="From the first byte of the request to its answer.", examples=[0.512])


class Answer(Result):
    """The fields of every answer, for any task."""

    id: str = Field(examples=["ta-6f0c2d9b8a4e4b0f9a5f5f0d6f1f2a3b"])
    model: str = Field(examples=["timeaudio-small"])
    audio: AudioInfo
    usage: Usage
    timing: Timing


class CaptionedEvent(Result):
    """One event: its caption, and every interval in which it happens."""

    intervals: tuple[Interval, ...]
    caption: str = Field(examples=["A dog barks."])


class DenseCaption(Answer):
    """Every event in a recording; empty if there are none."""

    events: tuple[CaptionedEvent, ...]


class GroundingResult(Result):
    """Where one query happens. If it does not, `present` is False and `intervals` is empty."""

    query: str = Field(examples=["a dog barks"])
    present: bool = Field(description="False if the query does not happen; `intervals` is then empty.")
    intervals: tuple[Interval, ...]


class Grounding(Answer):
    """Where each query happens, in the order of the request."""

    results: tuple[GroundingResult, ...]


class SummarySegment(Interval):
    """A speech segment and its summary."""

    summary: str = Field(examples=["The speaker welcomes the audience."])


class Summary(Answer):
    """The speech segments of a recording and their summaries, in order; empty if there is no speech."""

    segments: tuple[SummarySegment, ...]


class QuestionAnswer(Answer):
    """The answer to a question about a recording, and the intervals that it names, if any."""

    question: str = Field(examples=["How often does the dog bark?"])
    answer: str = Field(examples=["Twice."])
    intervals: tuple[Interval, ...]


AnyAnswer = DenseCaption | Grounding | Summary | QuestionAnswer

Piece = CaptionedEvent | GroundingResult | SummarySegment | Interval
"""The unit of a streamed answer, by task: an event, a query's result, a segment, an interval of an answer."""


class Progress(Result):
    """How far the analysis of a recording of several passes is; part of a streamed answer."""

    passes_done: int = Field(description="Passes of the model that are done.", examples=[3])
    passes: int = Field(description="Passes that the recording takes.", examples=[55])


class Beginning(Result):
    """The start of a streamed answer, before its first event."""

    id: str = Field(examples=["ta-6f0c2d9b8a4e4b0f9a5f5f0d6f1f2a3b"])
    model: str = Field(examples=["timeaudio-small"])
    audio: AudioInfo | None = Field(None, description="None for live sound, whose length is unknown.")
