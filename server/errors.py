"""The service errors, and the one table that maps every error to its slug, title, HTTP status and gRPC code.

TimeAudioError
├── ...                       model/errors.py
└── ServiceError
    ├── Unauthorized          no API key, or an unknown one
    ├── RateLimited           the API key's owner exceeded its rate
    ├── MalformedRequest      the body does not match its media type
    ├── UnsupportedBody       the media type of the body is not supported
    ├── InvalidField          a field is missing, unknown or invalid
    ├── ModelNotFound         the request names a model that is not loaded
    ├── UploadTooLarge        the body exceeds the size limit
    ├── UploadTooSlow         the body did not arrive in time
    ├── StreamIdle            the caller of a stream sent or read nothing for too long
    ├── DecodeTooCostly       decoding the file hit its time or memory limit
    ├── Overloaded            the queue is full
    ├── OutOfSpace            the upload disk is full
    ├── NotReady              the model is loading or was lost, or the server is draining
    ├── WorkerLost            the process that held the request died
    ├── RequestQuarantined    the request crashed its worker process twice
    ├── DeadlineExceeded      the answer was not ready in time
    ├── Cancelled             the client disconnected
    └── InternalError         a bug in the server

Both transports read this table. A contract test walks the class tree to prove that the table is complete.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grpc import StatusCode

from model import errors as model_errors
from model.errors import TimeAudioError


class ServiceError(TimeAudioError):
    """The server cannot fulfil the request."""


class Unauthorized(ServiceError):
    """The request has no API key, or an unknown one."""


class MalformedRequest(ServiceError):
    """The body is declared as a form or as JSON but cannot be parsed as such."""


class UnsupportedBody(ServiceError):
    """This route does not accept the media type of the body."""


@dataclass(frozen=True, slots=True)
class InvalidFieldDetail:
    """One error in one field."""

    field: str
    detail: str


MOST_DETAILS = 64
"""Enough for every field of every route; a body may hold millions of unknown ones."""


class InvalidField(ServiceError):
    """Fields are missing, unknown or invalid. `errors` lists all of them, but at most `MOST_DETAILS`."""

    def __init__(self, errors: Sequence[InvalidFieldDetail]) -> None:
        self.errors = tuple(errors[:MOST_DETAILS])
        super().__init__(". ".join(f"{error.field}: {error.detail}" for error in self.errors))


class ModelNotFound(ServiceError):
    """The request names a model that is not loaded here."""

    def __init__(self, name: str, *, loaded: str) -> None:
        super().__init__(f"Model {name[:100]!r} is not loaded. Ask for {loaded!r}, or see GET /v1/models.")


class UploadTooLarge(ServiceError):
    """The body is larger than the limit, in bytes. `setting` names the limit; `instead` suggests an alternative."""

    def __init__(
        self,
        *,
        limit: int,
        length: int | None = None,
        setting: str = "UPLOAD_BYTES",
        instead: str = "A compressed format (flac, ogg, mp3) or a mono 16 kHz file is smaller.",
    ) -> None:
        self.limit = limit
        self.length = length
        sent = f"this one is {length} bytes" if length is not None else "this one is larger"
        super().__init__(f"Send at most {limit} bytes; {sent} (limit: TIMEAUDIO_LIMITS__{setting}). {instead}")


class UploadTooSlow(ServiceError):
    """The body did not arrive within the time limit."""


class StreamIdle(ServiceError):
    """The caller of a stream neither sent nor read anything for too long, while the stream held a place."""


class DecodeTooCostly(ServiceError):
    """Decoding was stopped because it took too long, used too much memory, or crashed the decoder."""


class RetryableError(ServiceError):
    """The same request may succeed after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class RateLimited(RetryableError):
    """The owner of the API key exceeded its rate; other callers are not affected."""


class Overloaded(RetryableError):
    """The queue is full."""


class OutOfSpace(RetryableError):
    """The disk that holds uploads during decoding is full."""


class NotReady(RetryableError):
    """No model can answer: it is loading, it was lost, or the server is shutting down."""


class WorkerLost(RetryableError):
    """The process that held the request died before it answered."""


class RequestQuarantined(ServiceError):
    """The request repeatedly crashed its worker process, so it is blocked for a while."""


class DeadlineExceeded(ServiceError):
    """The answer was not ready before the request's deadline."""


class Cancelled(ServiceError):
    """The client disconnected, so no response is delivered."""


class InternalError(ServiceError):
    """A bug in the server. The caller gets only a request id, which is in the log."""


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """How one kind of error is reported. `slug` is the contract: titles and messages may change, slugs do not."""

    slug: str
    title: str
    http: int
    grpc: StatusCode


_INVALID = StatusCode.INVALID_ARGUMENT

PROBLEMS: Mapping[type[TimeAudioError], ProblemKind] = {
    model_errors.UnsupportedAudio: ProblemKind("unsupported-audio", "Unsupported audio format", 415, _INVALID),
    model_errors.NoSuchTrack: ProblemKind("no-such-track", "The file has no such audio track", 422, _INVALID),
    model_errors.CorruptAudio: ProblemKind("corrupt-audio", "The audio file is damaged", 422, _INVALID),
    model_errors.EmptyAudio: ProblemKind("empty-audio", "The audio file contains no sound", 422, _INVALID),
    # Not RESOURCE_EXHAUSTED for inputs that are too large: clients retry that code.
    model_errors.AudioTooLong: ProblemKind("audio-too-long", "The recording is too long", 413, _INVALID),
    model_errors.EmptyPrompt: ProblemKind("empty-prompt", "The query is empty", 422, _INVALID),
    model_errors.PromptTooLong: ProblemKind("prompt-too-long", "The query is too long", 422, _INVALID),
    model_errors.ContextTooLong: ProblemKind(
        "context-too-long", "The recording and the query are too long", 422, _INVALID
    ),
    model_errors.OutOfMemory: ProblemKind("out-of-memory", "The model ran out of memory", 503, StatusCode.UNAVAILABLE),
    model_errors.TaskNotSupported: ProblemKind(
        "task-not-supported", "The model does not support this task", 422, StatusCode.FAILED_PRECONDITION
    ),
    model_errors.MissingWeights: ProblemKind(
        "missing-weights", "The checkpoint is incomplete", 503, StatusCode.UNAVAILABLE
    ),
    model_errors.UnexpectedWeights: ProblemKind(
        "unexpected-weights", "The checkpoint does not fit the model", 503, StatusCode.UNAVAILABLE
    ),
    model_errors.WeightsDoNotFit: ProblemKind(
        "weights-do-not-fit", "The checkpoint's files do not match each other", 503, StatusCode.UNAVAILABLE
    ),
    model_errors.CheckpointError: ProblemKind(
        "checkpoint", "The checkpoint cannot be loaded", 503, StatusCode.UNAVAILABLE
    ),
    Unauthorized: ProblemKind("unauthorized", "An API key is required", 401, StatusCode.UNAUTHENTICATED),
    RateLimited: ProblemKind("rate-limited", "Too many requests with this key", 429, StatusCode.RESOURCE_EXHAUSTED),
    MalformedRequest: ProblemKind("malformed-request", "The request body cannot be read", 400, _INVALID),
    UnsupportedBody: ProblemKind("unsupported-body", "Unsupported media type", 415, _INVALID),
    InvalidField: ProblemKind("invalid-field", "Invalid field", 422, _INVALID),
    ModelNotFound: ProblemKind("model-not-found", "Model not found", 404, StatusCode.NOT_FOUND),
    UploadTooLarge: ProblemKind("upload-too-large", "The request body is too large", 413, _INVALID),
    UploadTooSlow: ProblemKind(
        "upload-too-slow", "The request body arrived too slowly", 408, StatusCode.DEADLINE_EXCEEDED
    ),
    StreamIdle: ProblemKind("stream-idle", "The stream was idle for too long", 408, StatusCode.DEADLINE_EXCEEDED),
    DecodeTooCostly: ProblemKind("decode-too-costly", "The audio file could not be decoded safely", 422, _INVALID),
    Overloaded: ProblemKind("overloaded", "The queue is full", 429, StatusCode.RESOURCE_EXHAUSTED),
    OutOfSpace: ProblemKind("out-of-space", "The disk is full", 503, StatusCode.UNAVAILABLE),
    NotReady: ProblemKind("not-ready", "The model is not ready", 503, StatusCode.UNAVAILABLE),
    WorkerLost: ProblemKind("worker-lost", "The model process died during the request", 503, StatusCode.UNAVAILABLE),
    RequestQuarantined: ProblemKind("quarantined", "The request crashes the model process", 422, _INVALID),
    DeadlineExceeded: ProblemKind("deadline-exceeded", "The answer took too long", 504, StatusCode.DEADLINE_EXCEEDED),
    Cancelled: ProblemKind("cancelled", "The client disconnected", 499, StatusCode.CANCELLED),
    InternalError: ProblemKind("internal", "Internal server error", 500, StatusCode.INTERNAL),
}

_BY_NAME: Mapping[str, type[TimeAudioError]] = {kind.__name__: kind for kind in PROBLEMS}


def problem_of(error: TimeAudioError) -> ProblemKind:
    """Return the row of the error's class or of its nearest base class; `InternalError`'s row if there is none."""
    for kind in type(error).__mro__:
        if issubclass(kind, TimeAudioError) and kind in PROBLEMS:
            return PROBLEMS[kind]
    return PROBLEMS[InternalError]


def revive(name: str, message: str, fields: Mapping[str, object] | None = None) -> TimeAudioError:
    """Rebuild an error that another process sent as class name, message and fields.

    An unknown name becomes an InternalError, whose message goes to the log, never to the caller.
    """
    kind = _BY_NAME.get(name, InternalError)
    # Bypass the constructors: some of them build the message from their fields.
    error = kind.__new__(kind, message)
    error.__dict__.update(fields or {})
    return error
