"""JSON models of the OpenAI-compatible routes. Unknown fields in a request are ignored, as in OpenAI's API.

Source: https://platform.openai.com/docs/api-reference, "Chat Completions", "Models", and the client `openai` 3.57.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from model.timeline.task import Task
from server.api.schema import ResponseModel

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _RequestModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class InputAudio(_RequestModel):
    """A recording."""

    data: str
    """An audio file in base64; a `data:` URL is accepted too."""
    format: str | None = Field("wav", examples=["wav"])
    """Not used: the server detects the format. It reads wav, flac, ogg, opus, mp3, m4a, webm and others."""


class AudioPart(_RequestModel):
    """A message part that holds a recording."""

    type: Literal["input_audio"]
    input_audio: InputAudio


class TextPart(_RequestModel):
    """A message part that holds text."""

    type: Literal["text"]
    text: str


Part = Annotated[AudioPart | TextPart, Field(discriminator="type")]


class Message(_RequestModel):
    """One turn. The server analyses the one recording in all turns and reads the text of the last user turn."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[Part], Field(fail_fast=True)] | None = None


class AnswerFormat(_RequestModel):
    """Format of the answer's content: plain text, or the JSON of the native route as text."""

    type: Literal["text", "json_object"]


class StreamOptions(_RequestModel):
    """What a stream contains besides the answer."""

    include_usage: bool | None = False
    """Whether the last message of the stream holds the usage."""


class ChatRequest(_RequestModel):
    """OpenAI's request body with extra fields: `task`, `start`, `end`, `track`, `num_beams`, `timeout_s`."""

    model: str = Field(examples=["timeaudio-small"])
    messages: Annotated[list[Message], Field(min_length=1, fail_fast=True)]
    task: Task | None = None
    """What to do; derived from the text if omitted."""
    response_format: AnswerFormat | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """The older name of `max_completion_tokens`."""
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    stream: bool | None = None
    """Whether to answer with server-sent events: a piece of the content for each event as soon as it is found."""
    stream_options: StreamOptions | None = None
    start: _Seconds | None = None
    """Start of the analysed part, in seconds."""
    end: _Seconds | None = None
    """End of the analysed part, in seconds."""
    track: Annotated[int, Field(ge=0)] | None = None
    """Which audio track of the file to analyse, from 0; default: the one that a player plays."""
    num_beams: Annotated[int, Field(ge=1)] | None = None
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class AnswerMessage(ResponseModel):
    """The answer's message."""

    role: Literal["assistant"] = "assistant"
    content: str = Field(examples=["0.0 - 2.5 s, 3.2 - 8.0 s: A dog barks."])
    refusal: None = None


class Choice(ResponseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]
    """`length`: the answer was cut at the requested number of tokens."""
    logprobs: None = None


class PromptDetails(ResponseModel):
    """The prompt's tokens by kind."""

    audio_tokens: int
    cached_tokens: int = 0


class ChatUsage(ResponseModel):
    """Tokens that the answer used."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


class ChatCompletion(ResponseModel):
    """OpenAI's answer with two extra fields: the `task`, and the `result` as the native route returns it."""

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
    """The part that this message adds to the answer."""

    role: Literal["assistant"]
    content: str


class ChunkChoice(ResponseModel):
    """A piece of the one answer."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: Literal["stop", "length"] | None = None
    logprobs: None = None


class ChatChunk(ResponseModel):
    """One message of a stream. The last message with a choice also has `task` and `result`, as in ChatCompletion."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    """Unix time."""
    model: str
    choices: list[ChunkChoice]
    usage: ChatUsage | None = None
    task: Task | None = None
    result: dict[str, Any] | None = None


class ModelCard(ResponseModel):
    """A model, and the tasks that it was trained for."""

    id: str = Field(examples=["timeaudio-small"])
    object: Literal["model"] = "model"
    created: int
    """When this server started, in Unix time."""
    owned_by: str = "timeaudio"
    tasks: list[Task] = Field(examples=[["dense_caption", "ground"]])


class ModelList(ResponseModel):
    """The models that this server has."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class ErrorDetails(ResponseModel):
    """What went wrong, and what to do about it."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None
    """The invalid field, if any."""
    code: str = Field(examples=["invalid_field"])
    """The slug of the same problem on the native routes, with `_` instead of `-`."""


class ErrorAnswer(ResponseModel):
    """OpenAI's error object."""

    error: ErrorDetails
