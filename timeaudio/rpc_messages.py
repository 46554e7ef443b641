"""Build the requests of the method Analyze and parse its responses and errors. Pure; needs the extra `grpc`."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from grpc_status import rpc_status
from pydantic import ValidationError

from timeaudio import results
from timeaudio.audio_source import to_bytes
from timeaudio.errors import ApiError, ClientError, ServerUnreachable, UnexpectedAnswer
from timeaudio.requests import AudioRequest, LiveRequest, Part, TaskName
from timeaudio.v1 import timeaudio_pb2 as pb

CHUNK_BYTES: Final = 64 * 1024
_TASKS: Final[Mapping[TaskName, pb.Task]] = {
    "dense_caption": pb.TASK_DENSE_CAPTION,
    "ground": pb.TASK_GROUND,
    "summarize": pb.TASK_SUMMARIZE,
    "ask": pb.TASK_ASK,
}
_ENCODINGS: Final[Mapping[str, pb.Encoding]] = {"s16le": pb.ENCODING_S16LE, "f32le": pb.ENCODING_F32LE}
_PARTS: Final[Mapping[str, type[Part]]] = {
    "start": results.Beginning,
    "progress": results.Progress,
    "event": results.CaptionedEvent,
    "result": results.GroundingResult,
    "segment": results.SummarySegment,
    "interval": results.Interval,
    "dense_caption": results.DenseCaption,
    "ground": results.Grounding,
    "summarize": results.Summary,
    "ask": results.QuestionAnswer,
}
"""The type of each part, by its field of AnalyzeResponse."""


def requests(request: AudioRequest[Any], file: BinaryIO) -> Iterator[pb.AnalyzeRequest]:
    """Yield the configuration, then the recording. Stop if the file was closed: the call has then ended."""
    yield pb.AnalyzeRequest(
        config=pb.AnalyzeConfig(
            task=_TASKS[request.task],
            queries=request.words.get("query", ()),
            question=request.words.get("question", ""),
            options=pb.Options(**request.options),
        )
    )
    while not file.closed and (chunk := file.read(CHUNK_BYTES)):
        yield pb.AnalyzeRequest(chunk=chunk)


def live_config(live: LiveRequest[Any, Any]) -> pb.AnalyzeRequest:
    """Return the configuration of live sound."""
    options: dict[str, Any] = {**live.options}
    encoding = options.pop("encoding", "s16le")
    sound: dict[str, Any] = {name: options.pop(name) for name in ("channels", "window_s") if name in options}
    rate = options.pop("sample_rate", 16_000)
    return pb.AnalyzeRequest(
        config=pb.AnalyzeConfig(
            task=_TASKS[live.task],
            queries=live.queries,
            options=pb.Options(**options),
            live=pb.LiveAudio(encoding=_ENCODINGS[encoding], sample_rate=rate, **sound),
        )
    )


def live_chunk(chunk: object) -> pb.AnalyzeRequest:
    """Return a request with samples of live sound. Raises: TypeError, if they are not bytes."""
    return pb.AnalyzeRequest(chunk=to_bytes(chunk, "Yield its bytes: samples.astype('<i2').tobytes()."))


def part_of(response: pb.AnalyzeResponse, url: str) -> Part | None:
    """Parse a response; None for a kind that only a newer server sends.

    Raises:
        UnexpectedAnswer: the response does not have the expected fields.
    """
    name = response.WhichOneof("part")
    if name is None:
        return None
    fields = MessageToDict(
        getattr(response, name), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    try:
        return _PARTS[name].model_validate(fields)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"The answer from {url} is not that of a TimeAudio server of this version "
            f"({error.error_count()} invalid fields). Check that both sides are up to date."
        ) from error


def refusal(error: Any, url: str) -> ClientError:
    """Convert a status to the error that HTTP would raise. One without our details is not from a TimeAudio server."""
    code, detail = error.code(), error.details() or ""
    details = _details(error)
    about = details.get(ErrorInfo)
    if about is None:
        if code is grpc.StatusCode.UNAVAILABLE:
            return ServerUnreachable(
                f"No server answers at {url} ({detail}). "
                "Start one with `timeaudio serve --grpc-port PORT`, or check the address."
            )
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return ServerUnreachable(f"{url} did not answer in time. Send less audio, or raise `timeout`.")
        return UnexpectedAnswer(f"{url} answered {code.name}: {detail}. Check that it is a TimeAudio server.")
    problem: dict[str, Any] = {
        "type": f"urn:timeaudio:problem:{about.reason.lower().replace('_', '-')}",
        "title": about.metadata.get("title", ""),
        "detail": detail,
    }
    if RequestInfo in details:
        problem["instance"] = f"urn:timeaudio:request:{details[RequestInfo].request_id}"
    if BadRequest in details:
        violations = details[BadRequest].field_violations
        problem["errors"] = [{"pointer": f"#/{_form_name(v.field)}", "detail": v.description} for v in violations]
    wait = details.get(RetryInfo)
    retry_after_s = None if wait is None else wait.retry_delay.ToMilliseconds() / 1000
    return ApiError(int(about.metadata.get("http_status", "500")), problem, retry_after_s=retry_after_s)


def _details(error: Any) -> dict[Any, Any]:
    """Return the details of a status, by their type."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # the details contradict the code: an intermediary made up the status
        status = None
    found: dict[Any, Any] = {}
    for packed in () if status is None else status.details:
        for kind in (BadRequest, ErrorInfo, RequestInfo, RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                packed.Unpack(found.setdefault(kind, kind()))
    return found


def _form_name(field: str) -> str:
    """Return the name in the HTTP form of a protobuf field."""
    return field.removeprefix("options.").replace("queries", "query").replace("[", "/").removesuffix("]")
