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

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_LOADING: _ClassVar[State]
    STATE_READY: _ClassVar[State]
    STATE_FAILED: _ClassVar[State]
TASK_UNSPECIFIED: Task
TASK_DENSE_CAPTION: Task
TASK_GROUND: Task
TASK_SUMMARIZE: Task
TASK_ASK: Task
STATE_UNSPECIFIED: State
STATE_LOADING: State
STATE_READY: State
STATE_FAILED: State

class AnalyzeRequest(_message.Message):
    __slots__ = ("request_id", "pcm", "task", "queries", "options", "deadline_s", "embeddings", "num_passes", "verbatim")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PCM_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_S_FIELD_NUMBER: _ClassVar[int]
    EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    NUM_PASSES_FIELD_NUMBER: _ClassVar[int]
    VERBATIM_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    pcm: bytes
    task: Task
    queries: _containers.RepeatedScalarFieldContainer[str]
    options: Options
    deadline_s: float
    embeddings: bool
    num_passes: int
    verbatim: bool
    def __init__(self, request_id: _Optional[str] = ..., pcm: _Optional[bytes] = ..., task: _Optional[_Union[Task, str]] = ..., queries: _Optional[_Iterable[str]] = ..., options: _Optional[_Union[Options, _Mapping]] = ..., deadline_s: _Optional[float] = ..., embeddings: bool = ..., num_passes: _Optional[int] = ..., verbatim: bool = ...) -> None: ...

class Options(_message.Message):
    __slots__ = ("num_beams", "max_new_tokens", "temperature", "top_p", "seed")
    NUM_BEAMS_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    num_beams: int
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int
    def __init__(self, num_beams: _Optional[int] = ..., max_new_tokens: _Optional[int] = ..., temperature: _Optional[float] = ..., top_p: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class AnalyzeResponse(_message.Message):
    __slots__ = ("started", "encoded", "answer", "done", "failed", "event")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    started: Started
    encoded: Encoded
    answer: Answer
    done: Done
    failed: Failed
    event: FoundEvent
    def __init__(self, started: _Optional[_Union[Started, _Mapping]] = ..., encoded: _Optional[_Union[Encoded, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., event: _Optional[_Union[FoundEvent, _Mapping]] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("queue_s",)
    QUEUE_S_FIELD_NUMBER: _ClassVar[int]
    queue_s: float
    def __init__(self, queue_s: _Optional[float] = ...) -> None: ...

class Encoded(_message.Message):
    __slots__ = ("encode_s", "num_audio_tokens")
    ENCODE_S_FIELD_NUMBER: _ClassVar[int]
    NUM_AUDIO_TOKENS_FIELD_NUMBER: _ClassVar[int]
    encode_s: float
    num_audio_tokens: int
    def __init__(self, encode_s: _Optional[float] = ..., num_audio_tokens: _Optional[int] = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("start", "end", "confidence", "embedding")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    confidence: float
    embedding: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., confidence: _Optional[float] = ..., embedding: _Optional[_Iterable[float]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("intervals", "caption")
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    intervals: _containers.RepeatedCompositeFieldContainer[Interval]
    caption: str
    def __init__(self, intervals: _Optional[_Iterable[_Union[Interval, _Mapping]]] = ..., caption: _Optional[str] = ...) -> None: ...

class FoundEvent(_message.Message):
    __slots__ = ("index", "event")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    index: int
    event: Event
    def __init__(self, index: _Optional[int] = ..., event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("index", "events", "text", "num_prompt_tokens", "num_completion_tokens", "generate_s", "num_interventions", "is_cut")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NUM_PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    NUM_COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    GENERATE_S_FIELD_NUMBER: _ClassVar[int]
    NUM_INTERVENTIONS_FIELD_NUMBER: _ClassVar[int]
    IS_CUT_FIELD_NUMBER: _ClassVar[int]
    index: int
    events: _containers.RepeatedCompositeFieldContainer[Event]
    text: str
    num_prompt_tokens: int
    num_completion_tokens: int
    generate_s: float
    num_interventions: int
    is_cut: bool
    def __init__(self, index: _Optional[int] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., text: _Optional[str] = ..., num_prompt_tokens: _Optional[int] = ..., num_completion_tokens: _Optional[int] = ..., generate_s: _Optional[float] = ..., num_interventions: _Optional[int] = ..., is_cut: bool = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Failed(_message.Message):
    __slots__ = ("error", "message")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    error: str
    message: str
    def __init__(self, error: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("state", "model", "tasks", "num_requests", "num_steps", "failed", "num_running", "num_waiting", "num_slots", "num_free_slots", "is_busy", "calibrated_tasks")
    STATE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NUM_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NUM_STEPS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    NUM_RUNNING_FIELD_NUMBER: _ClassVar[int]
    NUM_WAITING_FIELD_NUMBER: _ClassVar[int]
    NUM_SLOTS_FIELD_NUMBER: _ClassVar[int]
    NUM_FREE_SLOTS_FIELD_NUMBER: _ClassVar[int]
    IS_BUSY_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_TASKS_FIELD_NUMBER: _ClassVar[int]
    state: State
    model: str
    tasks: _containers.RepeatedScalarFieldContainer[Task]
    num_requests: int
    num_steps: int
    failed: Failed
    num_running: int
    num_waiting: int
    num_slots: int
    num_free_slots: int
    is_busy: bool
    calibrated_tasks: _containers.RepeatedScalarFieldContainer[Task]
    def __init__(self, state: _Optional[_Union[State, str]] = ..., model: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[Task, str]]] = ..., num_requests: _Optional[int] = ..., num_steps: _Optional[int] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., num_running: _Optional[int] = ..., num_waiting: _Optional[int] = ..., num_slots: _Optional[int] = ..., num_free_slots: _Optional[int] = ..., is_busy: bool = ..., calibrated_tasks: _Optional[_Iterable[_Union[Task, str]]] = ...) -> None: ...
