"""The JSON of the REST routes. Imports nothing of ours.

Seconds are numbers rounded to a tenth, on the clock of the file that was sent; intervals are half-open.
"""

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Interval(_Model):
    """A stretch of time `[start, end)`."""

    start: float = Field(examples=[0.5])
    """Seconds from the start of the file."""
    end: float = Field(examples=[2.5])
    """Seconds from the start of the file; larger than `start`."""
    confidence: float | None = None
    """How likely the interval is right, 0 to 1; null until the model's confidence is calibrated."""


class Event(_Model):
    """Something that is heard, and when."""

    intervals: list[Interval]
    caption: str = Field(examples=["A dog barks."])


class Audio(_Model):
    """What was analysed."""

    duration: float = Field(examples=[10.0])
    """Seconds that were analysed."""
    start: float = Field(examples=[0.0])
    """Where they begin in the file, in seconds."""


class Usage(_Model):
    """What the answer cost."""

    audio_seconds: float = Field(examples=[10.0])
    audio_tokens: int = Field(examples=[30])
    """Tokens that the recording became for the language model."""
    prompt_tokens: int = Field(examples=[52])
    """Tokens that the language model read, those of the recording included; summed over the queries."""
    completion_tokens: int = Field(examples=[24])
    """Tokens that the language model wrote; summed over the queries."""


class Timing(_Model):
    """Where the time went, in seconds."""

    decode_s: float = Field(examples=[0.012])
    """Decoding the file to samples."""
    queue_s: float = Field(examples=[0.001])
    """Waiting for the model."""
    encode_s: float = Field(examples=[0.18])
    """Encoding the sound, once for all queries."""
    generate_s: float = Field(examples=[0.31])
    """Writing the answers."""
    total_s: float = Field(examples=[0.512])
    """From the first byte of the request to its answer."""


class Answer(_Model):
    """What every answer carries."""

    id: str = Field(examples=["ta-6f0c2d9b8a4e4b0f9a5f5f0d6f1f2a3b"])
    model: str = Field(examples=["timeaudio-tiny"])
    audio: Audio
    usage: Usage
    timing: Timing


class DenseCaptionAnswer(Answer):
    """Everything that is heard. No events: nothing that the model knows is heard."""

    events: list[Event]


class GroundingResult(_Model):
    """When one query happens."""

    query: str = Field(examples=["a dog barks"])
    present: bool
    """False: it does not happen, and `intervals` is empty."""
    intervals: list[Interval]


class GroundAnswer(Answer):
    """One result per query, in the order of the queries."""

    results: list[GroundingResult]


class ProblemField(_Model):
    """One thing that is wrong with one form field."""

    pointer: str = Field(examples=["#/query"])
    """The field, after `#/`."""
    detail: str = Field(examples=["missing; send at least one"])


class Problem(_Model):
    """What went wrong, and what to do about it (RFC 9457)."""

    type: str = Field(examples=["urn:timeaudio:problem:invalid-field"])
    """`urn:timeaudio:problem:` and a name that does not change."""
    title: str = Field(examples=["A form field is wrong"])
    status: int = Field(examples=[422])
    """The HTTP status."""
    detail: str = Field(examples=["query: missing; send at least one"])
    """What to do next, for people; the words may change."""
    instance: str = Field(examples=["urn:timeaudio:request:8d1f3c0e"])
    """This occurrence: `urn:timeaudio:request:` and the request's id, which is in the log and in X-Request-ID."""
    errors: list[ProblemField] | None = None
    """Each wrong field, where fields are wrong."""


class Alive(_Model):
    """The event loop answers."""

    status: str = Field(examples=["alive"])


class Ready(_Model):
    """The model can answer now."""

    status: str = Field(examples=["ready"])
    model: str = Field(examples=["timeaudio-tiny"])
    tasks: list[str] = Field(examples=[["dense_caption", "ground"]])
