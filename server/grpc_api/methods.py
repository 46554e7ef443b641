"""The five methods of `timeaudio.v1.TimeAudioService`, over the same service as REST."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from model.errors import EmptyAudio
from model.timeline.task import Task
from server.api.requests import InferenceRequest, first_and_rest
from server.api.responses import PRESENTERS, beginning, pieces
from server.errors import MalformedRequest, UploadTooLarge
from server.grpc_api import decode_request, encode_response
from server.grpc_api.call_log import log_call
from server.grpc_api.chunks import save
from server.grpc_api.dialogue import Dialogue
from server.grpc_api.errors import status_of
from server.inference.service import Service
from server.reported import reported
from server.runtime.run_blocking import file_work
from server.settings import Limits
from server.telemetry import tracing
from server.telemetry.request_id import request_id
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceServicer

R = TypeVar("R")

_SERVICE = pb.DESCRIPTOR.services_by_name["TimeAudioService"].full_name


class TimeAudioServicer(TimeAudioServiceServicer):
    """Implements timeaudio.proto. When the caller disconnects or its deadline passes, gRPC cancels the work."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def DenseCaption(self, request: pb.DenseCaptionRequest, context: Any) -> Message:  # noqa: N802
        """Return all events of a recording."""
        return await _answering(context, "DenseCaption", lambda: self._whole("dense_caption", request, context))

    async def Ground(self, request: pb.GroundRequest, context: Any) -> Message:  # noqa: N802
        """Return when each query happens."""
        return await _answering(context, "Ground", lambda: self._whole("ground", request, context))

    async def Summarize(self, request: pb.SummarizeRequest, context: Any) -> Message:  # noqa: N802
        """Return a summary of the speech, by segment."""
        return await _answering(context, "Summarize", lambda: self._whole("summarize", request, context))

    async def Ask(self, request: pb.AskRequest, context: Any) -> Message:  # noqa: N802
        """Return the answer to a question."""
        return await _answering(context, "Ask", lambda: self._whole("ask", request, context))

    async def Analyze(self, requests: AsyncIterator[pb.AnalyzeRequest], context: Any) -> None:  # noqa: N802
        """Run any of these tasks on a file in chunks or on live audio."""
        await _answering(context, "Analyze", lambda: self._analyze(aiter(requests), context))

    async def _whole(self, task: Task, request: Any, context: Any) -> Message:
        service, since = self._service, time.monotonic()
        with service.admit() as ticket:
            service.check_task(task)
            limits = service.settings.limits
            inference = _within(context, decode_request.inference(task, request, limits), limits)
            service.check_confidence(inference, field=decode_request.LEAST)
            if len(request.file) > limits.json_bytes:
                instead = "Send larger recordings in chunks with Analyze."
                raise UploadTooLarge(
                    limit=limits.json_bytes, length=len(request.file), setting="JSON_BYTES", instead=instead
                )
            if not request.file:
                raise EmptyAudio("The file has 0 bytes. Send a recording with at least 0.1 s of sound.")
            async with service.workspace() as folder:
                source = folder / "upload"
                await file_work(len(request.file), source.write_bytes, request.file)
                result = await service.analyze(ticket, source, inference)
        result.total_s = time.monotonic() - since
        return encode_response.whole(task, PRESENTERS[task](result))

    async def _analyze(self, requests: AsyncIterator[pb.AnalyzeRequest], context: Any) -> None:
        service, since = self._service, time.monotonic()
        with service.admit() as ticket:
            limits = service.settings.limits
            dialogue = Dialogue(requests, context.write, limits.live_idle_s)
            first = await dialogue.next()
            if first is None or first.WhichOneof("part") != "config":
                raise MalformedRequest("The first request of a stream must hold the configuration.")
            config = first.config
            task = decode_request.task_of(config)
            service.check_task(task)
            if config.HasField("live"):
                from server.grpc_api.live import LiveStream  # imports NumPy and soxr

                await LiveStream(service, config, ticket, dialogue).run()
                return
            inference = _within(context, decode_request.inference(task, config, limits), limits)
            service.check_confidence(inference, field=decode_request.LEAST)
            async with service.workspace() as folder:
                source = folder / "upload"
                with tracing.step("receive"):
                    await save(requests, limits, source)
                async with aclosing(service.stream(ticket, source, inference)) as parts:
                    result, updates = await first_and_rest(parts)
                    await dialogue.write(encode_response.beginning(beginning(result)))
                    async for update in updates:
                        for found in pieces(task, result, update):
                            await dialogue.write(encode_response.piece(found))
            result.total_s = time.monotonic() - since
            await dialogue.write(encode_response.end(task, PRESENTERS[task](result)))


def _within(context: Any, inference: InferenceRequest, limits: Limits) -> InferenceRequest:
    """Return the inference with its timeout capped by the call's deadline."""
    left_s = context.time_remaining()
    if left_s is None or left_s >= limits.longest_timeout_s:
        return inference
    timeout_s = left_s if inference.timeout_s is None else min(left_s, inference.timeout_s)
    return replace(inference, timeout_s=max(0.001, timeout_s))


async def _answering(context: Any, method: str, work: Callable[[], Awaitable[R]]) -> R:
    """Run a method: set the request id and trace, convert errors to statuses, and log one line."""
    begun = time.monotonic()
    given = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    name = request_id(given.get("x-request-id"))
    code = grpc.StatusCode.CANCELLED
    with tracing.call(f"{_SERVICE}/{method}", given, request_id=name) as span:
        trace = tracing.place(span, given.get("traceparent"))
        sent = (("x-request-id", name), ("traceparent", str(trace)))
        context.set_trailing_metadata(sent)
        try:
            answer = await work()
            code = grpc.StatusCode.OK
            return answer
        except Exception as error:
            ours = reported(error)
            status = status_of(ours, name)
            code = status.code
            tracing.fail(span, ours)
            await context.abort(status.code, status.details, (*status.trailing_metadata, *sent))
            raise AssertionError("abort raises") from None
        finally:
            span.set_attribute("rpc.grpc.status_code", code.value[0])
            log_call(method, code, begun, name, trace)
