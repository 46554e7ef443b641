from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DenseCaptionRequest(_message.Message):
    __slots__ = ("file", "options")
    FILE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    options: Options
    def __init__(self, file: _Optional[bytes] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class DenseCaptionResponse(_message.Message):
    __slots__ = ("id", "model", "events", "audio", "usage", "timing")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    events: _containers.RepeatedCompositeFieldContainer[Event]
    audio: Audio
    usage: Usage
    timing: Timing
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., audio: _Optional[_Union[Audio, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., timing: _Optional[_Union[Timing, _Mapping]] = ...) -> None: ...

class GroundRequest(_message.Message):
    __slots__ = ("file", "queries", "options")
    FILE_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    queries: _containers.RepeatedScalarFieldContainer[str]
    options: Options
    def __init__(self, file: _Optional[bytes] = ..., queries: _Optional[_Iterable[str]] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class GroundResponse(_message.Message):
    __slots__ = ("id", "model", "results", "audio", "usage", "timing")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    results: _containers.RepeatedCompositeFieldContainer[GroundResult]
    audio: Audio
    usage: Usage
    timing: Timing
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., results: _Optional[_Iterable[_Union[GroundResult, _Mapping]]] = ..., audio: _Optional[_Union[Audio, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., timing: _Optional[_Union[Timing, _Mapping]] = ...) -> None: ...

class GroundResult(_message.Message):
    __slots__ = ("query", "present", "intervals")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    query: str
    present: bool
    intervals: _containers.RepeatedCompositeFieldContainer[Interval]
    def __init__(self, query: _Optional[str] = ..., present: bool = ..., intervals: _Optional[_Iterable[_Union[Interval, _Mapping]]] = ...) -> None: ...

class Options(_message.Message):
    __slots__ = ("start", "end", "num_beams", "max_new_tokens")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    NUM_BEAMS_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    start: float
    end: float
    num_beams: int
    max_new_tokens: int
    def __init__(self, start: _Optional[float] = ..., end: _Optional[float] = ..., num_beams: _Optional[int] = ..., max_new_tokens: _Optional[int] = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("start", "end", "confidence")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    start: float
    end: float
    confidence: float
    def __init__(self, start: _Optional[float] = ..., end: _Optional[float] = ..., confidence: _Optional[float] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("intervals", "caption")
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    intervals: _containers.RepeatedCompositeFieldContainer[Interval]
    caption: str
    def __init__(self, intervals: _Optional[_Iterable[_Union[Interval, _Mapping]]] = ..., caption: _Optional[str] = ...) -> None: ...

class Audio(_message.Message):
    __slots__ = ("duration", "start")
    DURATION_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    duration: float
    start: float
    def __init__(self, duration: _Optional[float] = ..., start: _Optional[float] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("audio_seconds", "audio_tokens", "prompt_tokens", "completion_tokens")
    AUDIO_SECONDS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    audio_seconds: float
    audio_tokens: int
    prompt_tokens: int
    completion_tokens: int
    def __init__(self, audio_seconds: _Optional[float] = ..., audio_tokens: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ...) -> None: ...

class Timing(_message.Message):
    __slots__ = ("decode_s", "queue_s", "encode_s", "generate_s", "total_s")
    DECODE_S_FIELD_NUMBER: _ClassVar[int]
    QUEUE_S_FIELD_NUMBER: _ClassVar[int]
    ENCODE_S_FIELD_NUMBER: _ClassVar[int]
    GENERATE_S_FIELD_NUMBER: _ClassVar[int]
    TOTAL_S_FIELD_NUMBER: _ClassVar[int]
    decode_s: float
    queue_s: float
    encode_s: float
    generate_s: float
    total_s: float
    def __init__(self, decode_s: _Optional[float] = ..., queue_s: _Optional[float] = ..., encode_s: _Optional[float] = ..., generate_s: _Optional[float] = ..., total_s: _Optional[float] = ...) -> None: ...
