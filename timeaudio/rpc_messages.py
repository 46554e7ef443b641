"""What is asked of the method Analyze, and what its parts and refusals mean. Pure; needs the extra `grpc`."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from grpc_status import rpc_status
from pydantic import ValidationError

from timeaudio import results
from timeaudio.errors import ApiError, ClientError, ServerUnreachable, UnexpectedAnswer
from timeaudio.exchange import Asked, Live, Part, TaskName
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
    "event": results.CaptionedEvent,
    "result": results.GroundingResult,
    "segment": results.SummarySegment,
    "interval": results.Interval,
    "dense_caption": results.DenseCaption,
    "ground": results.Grounding,
    "summarize": results.Summary,
    "ask": results.QuestionAnswer,
}
"""By the field of AnalyzeResponse."""


def requests(asked: Asked[Any], file: BinaryIO) -> Iterator[pb.AnalyzeRequest]:
    """The configuration, then the recording. What comes too late for a closed file is of no interest to anybody."""
    yield pb.AnalyzeRequest(
        config=pb.AnalyzeConfig(
            task=_TASKS[asked.task],
            queries=asked.words.get("query", ()),
            question=asked.words.get("question", ""),
            options=pb.Options(**asked.options),
        )
    )
    while not file.closed and (chunk := file.read(CHUNK_BYTES)):
        yield pb.AnalyzeRequest(chunk=chunk)


def live_config(live: Live[Any, Any]) -> pb.AnalyzeRequest:
    """The configuration of live sound.

    Raises:
        ValueError: it is of no encoding that is known.
    """
    options: dict[str, Any] = {**live.options}
    encoding = options.pop("encoding", "s16le")
    if encoding not in _ENCODINGS:
        raise ValueError(f"{encoding!r} is no encoding; there are {', '.join(_ENCODINGS)}.")
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


def part_of(response: pb.AnalyzeResponse, url: str) -> Part | None:
    """What a response tells; None for one of a newer server.

    Raises:
        UnexpectedAnswer: it is of another shape.
    """
    name = response.WhichOneof("part")
    if name is None:
        return None
    told = MessageToDict(
        getattr(response, name), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    try:
        return _PARTS[name].model_validate(told)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"{url} answered, but not as a TimeAudio server of this version does "
            f"({error.error_count()} fields wrong). Check that both sides are up to date."
        ) from error


def refusal(error: Any, url: str) -> ClientError:
    """A status as the error that HTTP would have brought; without our details, nobody of ours was there."""
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
            return ServerUnreachable(f"{url} did not answer in time. Ask for less, or raise `timeout`.")
        return UnexpectedAnswer(f"{url} answered {code.name}: {detail}. Check that a TimeAudio server runs there.")
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
    """The details of a status, by their type."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # the details contradict the code: somebody between us made it up
        status = None
    found: dict[Any, Any] = {}
    for packed in () if status is None else status.details:
        for kind in (BadRequest, ErrorInfo, RequestInfo, RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                packed.Unpack(found.setdefault(kind, kind()))
    return found


def _form_name(field: str) -> str:
    """The name that a field of the contract has in a form."""
    return field.removeprefix("options.").replace("queries", "query").replace("[", "/").removesuffix("]")
