"""What can go wrong while serving, and THE table of every error's name on the wire.

TimeAudioError
├── ...                       model/errors.py
└── ServiceError
    ├── Unauthorized          no API key, or an unknown one
    ├── RateLimited           the API key's owner asks for more than it may
    ├── MalformedRequest      the body is not what its media type says
    ├── UnsupportedBody       the body is of a media type that is not read
    ├── InvalidField          a field is missing, unknown or wrong
    ├── ModelNotFound         another model was asked for
    ├── UploadTooLarge        more bytes than the limit
    ├── UploadTooSlow         the body did not arrive in time
    ├── DecodeTooCostly       decoding the file hit the limit of time or memory
    ├── Overloaded            the queue is full
    ├── OutOfSpace            the disk for uploads is full
    ├── NotReady              the model is loading, was lost, or the server is draining
    ├── WorkerLost            the process that held the request died
    ├── RequestQuarantined    it brought the model's process down twice
    ├── DeadlineExceeded      the answer was not ready in time
    ├── Cancelled             the caller went away
    └── InternalError         a defect of ours

Both transports read the one table, and a contract test walks the tree to prove that it is complete.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grpc import StatusCode

from model import errors as model_errors
from model.errors import TimeAudioError


class ServiceError(TimeAudioError):
    """The server cannot do what was asked."""


class Unauthorized(ServiceError):
    """The request has no API key, or one that is not known."""


class MalformedRequest(ServiceError):
    """The body says that it is a form, or JSON, and is none."""


class UnsupportedBody(ServiceError):
    """The body is of a media type that this route does not read."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with one field."""

    field: str
    detail: str


class InvalidField(ServiceError):
    """Fields are missing, unknown or wrong. `errors` lists all of them at once."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(f"{error.field}: {error.detail}" for error in self.errors))


class ModelNotFound(ServiceError):
    """The request names a model that is not loaded here."""

    def __init__(self, name: str, *, loaded: str) -> None:
        super().__init__(f"There is no model {name[:100]!r} here. Ask for {loaded!r}, or see GET /v1/models.")


class UploadTooLarge(ServiceError):
    """The body is larger than the limit, in bytes. `setting` names it, and `instead` says what else to do."""

    def __init__(
        self,
        *,
        limit: int,
        length: int | None = None,
        setting: str = "UPLOAD_BYTES",
        instead: str = "A compressed format (flac, ogg, mp3) or a mono 16 kHz file holds the same sound in fewer.",
    ) -> None:
        self.limit = limit
        self.length = length
        sent = f"this one is {length} bytes" if length is not None else "this one is larger"
        super().__init__(f"Send at most {limit} bytes; {sent} (limit: TIMEAUDIO_LIMITS__{setting}). {instead}")


class UploadTooSlow(ServiceError):
    """The body did not arrive within the time that it may take."""


class DecodeTooCostly(ServiceError):
    """Decoding the file was stopped: it took too long, too much memory, or brought the decoder down."""


class RetryableError(ServiceError):
    """The same request may succeed after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class RateLimited(RetryableError):
    """The owner of the API key sends more than it may; others are not affected."""


class Overloaded(RetryableError):
    """The queue is full."""


class OutOfSpace(RetryableError):
    """The disk on which uploads are kept while they are decoded is full."""


class NotReady(RetryableError):
    """No model is there to answer: it loads, it was lost, or the server is going down."""


class WorkerLost(RetryableError):
    """The process that held the request died before it answered."""


class RequestQuarantined(ServiceError):
    """The process that works on this request dies each time, so it is not tried again for a while."""


class DeadlineExceeded(ServiceError):
    """The answer was not ready within the time that the request allowed."""


class Cancelled(ServiceError):
    """The caller went away; nobody reads this."""


class InternalError(ServiceError):
    """A defect of ours. The caller gets an id that is in the log, and nothing else."""


@dataclass(frozen=True, slots=True)
class Problem:
    """How one kind of error is told. `slug` is the contract: messages may change, slugs do not."""

    slug: str
    title: str
    http: int
    grpc: StatusCode


_INVALID = StatusCode.INVALID_ARGUMENT

PROBLEMS: Mapping[type[TimeAudioError], Problem] = {
    model_errors.UnsupportedAudio: Problem("unsupported-audio", "Not an audio file that is read here", 415, _INVALID),
    model_errors.CorruptAudio: Problem("corrupt-audio", "The audio file is damaged", 422, _INVALID),
    model_errors.EmptyAudio: Problem("empty-audio", "The audio file holds no sound", 422, _INVALID),
    # Not RESOURCE_EXHAUSTED for what is too large: clients retry that one.
    model_errors.AudioTooLong: Problem("audio-too-long", "The recording is too long", 413, _INVALID),
    model_errors.EmptyPrompt: Problem("empty-prompt", "The query is empty", 422, _INVALID),
    model_errors.PromptTooLong: Problem("prompt-too-long", "The query is too long", 422, _INVALID),
    model_errors.ContextTooLong: Problem("context-too-long", "The recording and the query are too long", 422, _INVALID),
    model_errors.OutOfMemory: Problem("out-of-memory", "The model has too little memory", 503, StatusCode.UNAVAILABLE),
    model_errors.TaskNotSupported: Problem(
        "task-not-supported", "This model does not do that", 422, StatusCode.FAILED_PRECONDITION
    ),
    model_errors.MissingWeights: Problem(
        "missing-weights", "The checkpoint is incomplete", 503, StatusCode.UNAVAILABLE
    ),
    model_errors.UnexpectedWeights: Problem(
        "unexpected-weights", "The checkpoint does not fit the model", 503, StatusCode.UNAVAILABLE
    ),
    model_errors.WeightsDoNotFit: Problem(
        "weights-do-not-fit", "The checkpoint's files do not belong together", 503, StatusCode.UNAVAILABLE
    ),
    model_errors.CheckpointError: Problem("checkpoint", "The checkpoint cannot be loaded", 503, StatusCode.UNAVAILABLE),
    Unauthorized: Problem("unauthorized", "An API key is needed", 401, StatusCode.UNAUTHENTICATED),
    RateLimited: Problem("rate-limited", "Too many requests with this key", 429, StatusCode.RESOURCE_EXHAUSTED),
    MalformedRequest: Problem("malformed-request", "The request body cannot be read", 400, _INVALID),
    UnsupportedBody: Problem("unsupported-body", "A body of this kind is not read here", 415, _INVALID),
    InvalidField: Problem("invalid-field", "A field is wrong", 422, _INVALID),
    ModelNotFound: Problem("model-not-found", "There is no such model here", 404, StatusCode.NOT_FOUND),
    UploadTooLarge: Problem("upload-too-large", "The request body is too large", 413, _INVALID),
    UploadTooSlow: Problem("upload-too-slow", "The request body arrived too slowly", 408, StatusCode.DEADLINE_EXCEEDED),
    DecodeTooCostly: Problem("decode-too-costly", "The audio file could not be decoded safely", 422, _INVALID),
    Overloaded: Problem("overloaded", "The queue is full", 429, StatusCode.RESOURCE_EXHAUSTED),
    OutOfSpace: Problem("out-of-space", "The disk is full", 503, StatusCode.UNAVAILABLE),
    NotReady: Problem("not-ready", "The model is not ready", 503, StatusCode.UNAVAILABLE),
    WorkerLost: Problem("worker-lost", "The model was lost while it worked", 503, StatusCode.UNAVAILABLE),
    RequestQuarantined: Problem("quarantined", "The model dies of this request", 422, _INVALID),
    DeadlineExceeded: Problem("deadline-exceeded", "The answer took too long", 504, StatusCode.DEADLINE_EXCEEDED),
    Cancelled: Problem("cancelled", "The caller went away", 499, StatusCode.CANCELLED),
    InternalError: Problem("internal", "Something is broken here", 500, StatusCode.INTERNAL),
}

_BY_NAME: Mapping[str, type[TimeAudioError]] = {kind.__name__: kind for kind in PROBLEMS}


def problem_of(error: TimeAudioError) -> Problem:
    """The row of the error's own class, or of the nearest class above it; a class without any is a defect of ours."""
    for kind in type(error).__mro__:
        if issubclass(kind, TimeAudioError) and kind in PROBLEMS:
            return PROBLEMS[kind]
    return PROBLEMS[InternalError]


def revive(name: str, message: str, fields: Mapping[str, object] | None = None) -> TimeAudioError:
    """The error that another process told by its class name, message and fields.

    An unknown name is a defect of ours: its message is for the log, never for the caller.
    """
    kind = _BY_NAME.get(name, InternalError)
    # Past the constructors, some of which make the message from their fields.
    error = kind.__new__(kind, message)
    error.__dict__.update(fields or {})
    return error
