from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Task(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_UNSPECIFIED: _ClassVar[Task]
    TASK_DENSE_CAPTION: _ClassVar[Task]
    TASK_GROUND: _ClassVar[Task]
    TASK_SUMMARIZE: _ClassVar[Task]
    TASK_ASK: _ClassVar[Task]

class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENCODING_UNSPECIFIED: _ClassVar[Encoding]
    ENCODING_S16LE: _ClassVar[Encoding]
    ENCODING_F32LE: _ClassVar[Encoding]
TASK_UNSPECIFIED: Task
TASK_DENSE_CAPTION: Task
TASK_GROUND: Task
TASK_SUMMARIZE: Task
TASK_ASK: Task
ENCODING_UNSPECIFIED: Encoding
ENCODING_S16LE: Encoding
ENCODING_F32LE: Encoding

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

class SummarizeRequest(_message.Message):
    __slots__ = ("file", "options")
    FILE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    options: Options
    def __init__(self, file: _Optional[bytes] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class SummarizeResponse(_message.Message):
    __slots__ = ("id", "model", "segments", "audio", "usage", "timing")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    audio: Audio
    usage: Usage
    timing: Timing
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ..., audio: _Optional[_Union[Audio, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., timing: _Optional[_Union[Timing, _Mapping]] = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("file", "question", "options")
    FILE_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    question: str
    options: Options
    def __init__(self, file: _Optional[bytes] = ..., question: _Optional[str] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("id", "model", "question", "answer", "intervals", "audio", "usage", "timing")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    question: str
    answer: str
    intervals: _containers.RepeatedCompositeFieldContainer[Interval]
    audio: Audio
    usage: Usage
    timing: Timing
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., question: _Optional[str] = ..., answer: _Optional[str] = ..., intervals: _Optional[_Iterable[_Union[Interval, _Mapping]]] = ..., audio: _Optional[_Union[Audio, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., timing: _Optional[_Union[Timing, _Mapping]] = ...) -> None: ...

class AnalyzeRequest(_message.Message):
    __slots__ = ("config", "chunk")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    config: AnalyzeConfig
    chunk: bytes
    def __init__(self, config: _Optional[_Union[AnalyzeConfig, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class AnalyzeConfig(_message.Message):
    __slots__ = ("task", "queries", "question", "options", "live")
    TASK_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    task: Task
    queries: _containers.RepeatedScalarFieldContainer[str]
    question: str
    options: Options
    live: LiveAudio
    def __init__(self, task: _Optional[_Union[Task, str]] = ..., queries: _Optional[_Iterable[str]] = ..., question: _Optional[str] = ..., options: _Optional[_Union[Options, _Mapping]] = ..., live: _Optional[_Union[LiveAudio, _Mapping]] = ...) -> None: ...

class LiveAudio(_message.Message):
    __slots__ = ("encoding", "sample_rate", "channels", "window_s")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    encoding: Encoding
    sample_rate: int
    channels: int
    window_s: float
    def __init__(self, encoding: _Optional[_Union[Encoding, str]] = ..., sample_rate: _Optional[int] = ..., channels: _Optional[int] = ..., window_s: _Optional[float] = ...) -> None: ...

class AnalyzeResponse(_message.Message):
    __slots__ = ("start", "event", "result", "segment", "interval", "dense_caption", "ground", "summarize", "ask", "progress")
    START_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    DENSE_CAPTION_FIELD_NUMBER: _ClassVar[int]
    GROUND_FIELD_NUMBER: _ClassVar[int]
    SUMMARIZE_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    start: Start
    event: Event
    result: GroundResult
    segment: Segment
    interval: Interval
    dense_caption: DenseCaptionResponse
    ground: GroundResponse
    summarize: SummarizeResponse
    ask: AskResponse
    progress: Progress
    def __init__(self, start: _Optional[_Union[Start, _Mapping]] = ..., event: _Optional[_Union[Event, _Mapping]] = ..., result: _Optional[_Union[GroundResult, _Mapping]] = ..., segment: _Optional[_Union[Segment, _Mapping]] = ..., interval: _Optional[_Union[Interval, _Mapping]] = ..., dense_caption: _Optional[_Union[DenseCaptionResponse, _Mapping]] = ..., ground: _Optional[_Union[GroundResponse, _Mapping]] = ..., summarize: _Optional[_Union[SummarizeResponse, _Mapping]] = ..., ask: _Optional[_Union[AskResponse, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("passes_done", "passes")
    PASSES_DONE_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    passes_done: int
    passes: int
    def __init__(self, passes_done: _Optional[int] = ..., passes: _Optional[int] = ...) -> None: ...

class Start(_message.Message):
    __slots__ = ("id", "model", "audio")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    audio: Audio
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., audio: _Optional[_Union[Audio, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("start", "end", "num_beams", "max_new_tokens", "min_confidence", "timeout_s", "track", "embeddings")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    NUM_BEAMS_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MIN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    start: float
    end: float
    num_beams: int
    max_new_tokens: int
    min_confidence: float
    timeout_s: float
    track: int
    embeddings: bool
    def __init__(self, start: _Optional[float] = ..., end: _Optional[float] = ..., num_beams: _Optional[int] = ..., max_new_tokens: _Optional[int] = ..., min_confidence: _Optional[float] = ..., timeout_s: _Optional[float] = ..., track: _Optional[int] = ..., embeddings: bool = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("start", "end", "confidence", "embedding")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    start: float
    end: float
    confidence: float
    embedding: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, start: _Optional[float] = ..., end: _Optional[float] = ..., confidence: _Optional[float] = ..., embedding: _Optional[_Iterable[float]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("intervals", "caption")
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    intervals: _containers.RepeatedCompositeFieldContainer[Interval]
    caption: str
    def __init__(self, intervals: _Optional[_Iterable[_Union[Interval, _Mapping]]] = ..., caption: _Optional[str] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("start", "end", "confidence", "summary", "embedding")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    start: float
    end: float
    confidence: float
    summary: str
    embedding: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, start: _Optional[float] = ..., end: _Optional[float] = ..., confidence: _Optional[float] = ..., summary: _Optional[str] = ..., embedding: _Optional[_Iterable[float]] = ...) -> None: ...

class Audio(_message.Message):
    __slots__ = ("duration", "start", "warnings")
    DURATION_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    duration: float
    start: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, duration: _Optional[float] = ..., start: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

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
