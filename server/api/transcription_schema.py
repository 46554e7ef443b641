"""The form and the answers of `/v1/audio/transcriptions`, as OpenAI defines them.

Source: https://platform.openai.com/docs/api-reference/audio, "Create transcription", and the client `openai` 3.57.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.api.schema import ResponseModel

_Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]

GRANULARITIES = "timestamp_granularities[]"
"""The name of a repeated field in a form, with OpenAI's brackets."""


class TranscriptionForm(BaseModel):
    """OpenAI's fields, and four of this server's: `start`, `end`, `track`, `min_confidence`. Others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    model: str = Field(examples=["timeaudio-small"])
    language: str | None = None
    """Not used: sounds have none, and captions are English."""
    prompt: str | None = None
    """Not used: the model writes its captions in its own words."""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] | None = "json"
    """How to write the captions."""
    temperature: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = 0.0
    """0: always the likeliest words. Above it, words are drawn at random, and two answers may differ."""
    timestamp_granularities: list[Literal["word", "segment"]] | None = Field(None, alias=GRANULARITIES)
    """Which timed lists `verbose_json` has; default: `segment`. A caption is one entry of either list."""
    stream: bool | None = False
    """Whether to answer with server-sent events: each caption as soon as it is found."""
    start: _Seconds | None = None
    """Start of the part to analyse, in seconds of the file."""
    end: _Seconds | None = None
    """End of the part to analyse, in seconds of the file; default, and maximum: the end of the file."""
    track: Annotated[int, Field(ge=0)] | None = None
    """Which audio track of the file to analyse, from 0; default: the one that a player plays."""
    min_confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    """Omit captions with a lower confidence; above 0 it needs a model that is calibrated for dense captions."""


class InputTokens(ResponseModel):
    """The tokens that the model read, by kind."""

    audio_tokens: int
    text_tokens: int


class TokenUsage(ResponseModel):
    """Tokens that the answer used."""

    type: Literal["tokens"] = "tokens"
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_token_details: InputTokens


class DurationUsage(ResponseModel):
    """Seconds of audio that were analysed."""

    type: Literal["duration"] = "duration"
    seconds: float


class Transcription(ResponseModel):
    """The answer in the format `json`: the captions, one per line, in order of time."""

    text: str = Field(examples=["[a dog barks]\n[rain falls]"])
    usage: TokenUsage


class TranscriptionSegment(ResponseModel):
    """A caption and its time. OpenAI's measures of trust are derived from the confidence, if the model has one."""

    id: int
    seek: int = 0
    start: float
    end: float
    text: str = Field(examples=["[a dog barks]"])
    tokens: tuple[int, ...] = ()
    temperature: float
    avg_logprob: float
    """The logarithm of the confidence; 0 if it is unknown."""
    compression_ratio: float
    """The length of the text over that of its zlib compression, in bytes, as Whisper computes it."""
    no_speech_prob: float
    """1 minus the confidence; 0 if it is unknown."""
    confidence: float | None
    """How likely the caption and its time are right, 0 to 1; null if the model is not calibrated."""


class TranscriptionWord(ResponseModel):
    """A caption and its time, as an entry of the list `words`: the model does not time single words."""

    word: str = Field(examples=["[a dog barks]"])
    start: float
    end: float


class TranscriptionVerbose(ResponseModel):
    """The answer in the format `verbose_json`."""

    task: Literal["transcribe"] = "transcribe"
    language: Literal["english"] = "english"
    """The language of the captions."""
    duration: float
    """Seconds that were analysed."""
    text: str
    segments: list[TranscriptionSegment] | None = None
    words: list[TranscriptionWord] | None = None
    usage: DurationUsage


class TextDelta(ResponseModel):
    """A message of a stream: what the text gains."""

    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str


class TextDone(ResponseModel):
    """The last message of a stream: the whole text, which equals all deltas."""

    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    usage: TokenUsage
