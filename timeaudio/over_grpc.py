"""Questions over gRPC, through the method Analyze: the recording goes in chunks, whatever its size.

Needs the extra `grpc`. The only part of the package that loads it.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from itertools import chain
from typing import Any, BinaryIO, Final
from urllib.parse import SplitResult

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from pydantic import ValidationError

from timeaudio import results
from timeaudio.errors import ApiError, ClientError, ServerUnreachable, UnexpectedAnswer
from timeaudio.exchange import A, Asked, Live, Part, TaskName, is_loopback
from timeaudio.results import AnyAnswer
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

CHUNK_BYTES: Final = 64 * 1024
_READY_TIMEOUT_S: Final = 5.0
_SERVICE: Final = pb.DESCRIPTOR.services_by_name["TimeAudioService"].full_name
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


class GrpcTransport:
    """See `timeaudio.exchange.Transport`. Units: `timeout` is seconds for a whole call."""

    def __init__(self, address: SplitResult, timeout: float) -> None:
        self._url = address.geturl()
        self._timeout = timeout
        self._channel = _channel(grpc, address)

    def whole(self, asked: Asked[A]) -> A:  # noqa: D102
        *_, last = self.parts(asked)
        assert isinstance(last, asked.kind), "parts end with the answer, or raise"
        return last

    def parts(self, asked: Asked[Any]) -> Iterator[Part]:  # noqa: D102
        with asked.recording.opened() as file:
            yield from self._call(_requests(asked, file), asked.kind, self._timeout)

    def live(self, live: Live[Any, Iterable[bytes]]) -> Iterator[Part]:  # noqa: D102
        chunks = (pb.AnalyzeRequest(chunk=chunk) for chunk in live.chunks)
        yield from self._call(chain([_live_config(live)], chunks), live.kind, None)

    def _call(
        self, requests: Iterator[pb.AnalyzeRequest], kind: type[AnyAnswer], timeout: float | None
    ) -> Iterator[Part]:
        call = TimeAudioServiceStub(self._channel).Analyze(requests, timeout=timeout)
        try:
            for response in call:
                if (part := _part(response, self._url)) is not None:
                    yield part
                    if isinstance(part, kind):
                        return
        except grpc.RpcError as error:
            raise _refusal(error, self._url) from error
        finally:
            call.cancel()
        raise _cut_off(self._url)

    def ready(self) -> bool:  # noqa: D102
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            told = health_pb2_grpc.HealthStub(self._channel).Check(request, timeout=_READY_TIMEOUT_S)
        except grpc.RpcError as error:
            raise _refusal(error, self._url) from error
        return bool(told.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:  # noqa: D102
        self._channel.close()


class AsyncGrpcTransport:
    """See `timeaudio.exchange.AsyncTransport`. For asyncio; connects when first used."""

    def __init__(self, address: SplitResult, timeout: float) -> None:
        self._address = address
        self._url = address.geturl()
        self._timeout = timeout
        self._opened: Any = None

    async def whole(self, asked: Asked[A]) -> A:  # noqa: D102
        last: Part | None = None
        async for part in self.parts(asked):
            last = part
        assert isinstance(last, asked.kind), "parts end with the answer, or raise"
        return last

    async def parts(self, asked: Asked[Any]) -> AsyncIterator[Part]:  # noqa: D102
        with asked.recording.opened() as file:
            async with aclosing(self._call(_requests(asked, file), asked.kind, self._timeout)) as parts:
                async for part in parts:
                    yield part

    async def live(self, live: Live[Any, AsyncIterable[bytes]]) -> AsyncIterator[Part]:  # noqa: D102
        async def requests() -> AsyncIterator[pb.AnalyzeRequest]:
            yield _live_config(live)
            async for chunk in live.chunks:
                yield pb.AnalyzeRequest(chunk=chunk)

        async with aclosing(self._call(requests(), live.kind, None)) as parts:
            async for part in parts:
                yield part

    async def _call(self, requests: Any, kind: type[AnyAnswer], timeout: float | None) -> AsyncGenerator[Part, None]:
        call = TimeAudioServiceStub(self._channel).Analyze(requests, timeout=timeout)
        try:
            async for response in call:
                if (part := _part(response, self._url)) is not None:
                    yield part
                    if isinstance(part, kind):
                        return
        except grpc.RpcError as error:
            raise _refusal(error, self._url) from error
        finally:
            call.cancel()
        raise _cut_off(self._url)

    async def ready(self) -> bool:  # noqa: D102
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            told = await health_pb2_grpc.HealthStub(self._channel).Check(request, timeout=_READY_TIMEOUT_S)
        except grpc.RpcError as error:
            raise _refusal(error, self._url) from error
        return bool(told.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:  # noqa: D102
        if self._opened is not None:
            await self._opened.close()

    @property
    def _channel(self) -> Any:
        if self._opened is None:  # now that there is an event loop
            self._opened = _channel(grpc.aio, self._address)
        return self._opened


def _channel(library: Any, address: SplitResult) -> Any:
    """A channel of `grpc`, or of `grpc.aio`."""
    host = address.hostname or ""
    target = f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
    # A proxy cannot reach this very machine.
    options = [("grpc.enable_http_proxy", 0)] if is_loopback(host) else []
    if address.scheme == "grpcs":
        return library.secure_channel(target, grpc.ssl_channel_credentials(), options)
    return library.insecure_channel(target, options)


def _requests(asked: Asked[Any], file: BinaryIO) -> Iterator[pb.AnalyzeRequest]:
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


def _live_config(live: Live[Any, Any]) -> pb.AnalyzeRequest:
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


def _part(response: pb.AnalyzeResponse, url: str) -> Part | None:
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


def _refusal(error: Any, url: str) -> ClientError:
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


def _cut_off(url: str) -> ServerUnreachable:
    return ServerUnreachable(f"The answer of {url} ended in the middle. Try again.")
