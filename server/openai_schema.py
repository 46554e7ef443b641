"""The JSON of the routes that speak OpenAI's dialect. What they do not know in a request is passed over, as there.

Source: https://platform.openai.com/docs/api-reference, "Chat Completions", "Models", and the client `openai` 3.57.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from server.engine.protocol import Task

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class InputAudio(_Asked):
    """A recording."""

    data: str
    """An audio file in base64, without `data:` in front."""
    format: str = Field("wav", examples=["wav"])
    """Not used: the bytes say what they are. wav, flac, ogg, opus, mp3, m4a, webm and others are read."""


class AudioPart(_Asked):
    """A part of a message that is heard."""

    type: Literal["input_audio"]
    input_audio: InputAudio


class TextPart(_Asked):
    """A part of a message that is read."""

    type: Literal["text"]
    text: str


Part = Annotated[AudioPart | TextPart, Field(discriminator="type")]


class Message(_Asked):
    """One turn. Of all turns, one recording is heard, and the words of the user's last one are read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class AnswerFormat(_Asked):
    """What the content of the answer is: lines for people, or the JSON of the native route as text."""

    type: Literal["text", "json_object"]


class StreamOptions(_Asked):
    """What a stream tells beside the answer."""

    include_usage: bool = False
    """Whether its last message tells what the answer took."""


class ChatRequest(_Asked):
    """OpenAI's body, and what this server adds: `task`, `start`, `end`, `num_beams`, `timeout_s`."""

    model: str = Field(examples=["timeaudio-tiny"])
    messages: Annotated[list[Message], Field(min_length=1)]
    task: Task | None = None
    """What to do; taken from the words where it is left out."""
    response_format: AnswerFormat | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """The older name of `max_completion_tokens`."""
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    stream: bool | None = None
    """Whether to answer with server-sent events, a piece of the content for each event as soon as it is found."""
    stream_options: StreamOptions | None = None
    start: _Seconds | None = None
    """Where to start listening, in seconds."""
    end: _Seconds | None = None
    """Where to stop, in seconds."""
    num_beams: Annotated[int, Field(ge=1)] | None = None
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class AnswerMessage(_Told):
    """What is answered."""

    role: Literal["assistant"] = "assistant"
    content: str = Field(examples=["0.0 - 2.5 s, 3.2 - 8.0 s: A dog barks."])
    refusal: None = None


class Choice(_Told):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]
    """`length`: the answer was cut at the number of tokens that was asked for."""
    logprobs: None = None


class PromptDetails(_Told):
    """Of the prompt's tokens, those of the recording."""

    audio_tokens: int
    cached_tokens: int = 0


class ChatUsage(_Told):
    """What the answer took, in tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


class ChatCompletion(_Told):
    """OpenAI's answer, and two fields more: the `task` that was done, and the `result` as the native route has it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    """Unix time."""
    model: str
    choices: list[Choice]
    usage: ChatUsage
    task: Task
    result: dict[str, Any]


class Delta(TypedDict, total=False):
    """What is added to the answer."""

    role: Literal["assistant"]
    content: str


class ChunkChoice(_Told):
    """The one answer, a piece of it."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: Literal["stop", "length"] | None = None
    logprobs: None = None


class ChatChunk(_Told):
    """One message of a stream. Its last one with a choice has `task` and `result` too, as the whole answer would."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    """Unix time."""
    model: str
    choices: list[ChunkChoice]
    usage: ChatUsage | None = None
    task: Task | None = None
    result: dict[str, Any] | None = None


class ModelCard(_Told):
    """A model, and the tasks that it was trained for."""

    id: str = Field(examples=["timeaudio-tiny"])
    object: Literal["model"] = "model"
    created: int
    """When this server started, in Unix time."""
    owned_by: str = "timeaudio"
    tasks: list[Task] = Field(examples=[["dense_caption", "ground"]])


class ModelList(_Told):
    """The models that this server has."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class ErrorDetails(_Told):
    """What went wrong, and what to do about it."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None
    """The field that is wrong, where one is."""
    code: str = Field(examples=["invalid_field"])
    """The slug of the same problem on the native routes, with `_` for `-`."""


class ErrorAnswer(_Told):
    """OpenAI's error object."""

    error: ErrorDetails
