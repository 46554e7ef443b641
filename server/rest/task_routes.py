"""The four task routes: each reads a recording and its fields and answers in the requested format."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from model.errors import (
    AudioTooLong,
    ContextTooLong,
    CorruptAudio,
    EmptyAudio,
    EmptyPrompt,
    NoSuchTrack,
    OutOfMemory,
    PromptTooLong,
    TaskNotSupported,
    TimeAudioError,
    UnsupportedAudio,
)
from server.api.form import AskForm, DenseCaptionForm, Form, GroundForm, SummarizeForm
from server.api.responses import PRESENTERS
from server.errors import (
    DeadlineExceeded,
    DecodeTooCostly,
    InternalError,
    InvalidField,
    MalformedRequest,
    NotReady,
    OutOfSpace,
    Overloaded,
    RequestQuarantined,
    UnsupportedBody,
    UploadTooLarge,
    UploadTooSlow,
    WorkerLost,
)
from server.inference.service import Service
from server.rest.disconnect import while_connected
from server.rest.openapi import operation, written_answer
from server.rest.problems import documented
from server.rest.sse import SseWriter, error_message, write_answer
from server.rest.streaming_response import SendMessage, streamed
from server.rest.upload import receive
from server.settings import Limits
from server.telemetry.tracing import step
from timeaudio import results
from timeaudio.formats import FORMATS
from timeaudio.results import AnyAnswer

BODY = (MalformedRequest, UnsupportedBody, UploadTooLarge, UploadTooSlow, InvalidField)
AUDIO = (UnsupportedAudio, NoSuchTrack, CorruptAudio, EmptyAudio, AudioTooLong, ContextTooLong, DecodeTooCostly)
PROMPT = (EmptyPrompt, PromptTooLong)
SERVICE = (
    TaskNotSupported,
    Overloaded,
    NotReady,
    OutOfSpace,
    OutOfMemory,
    WorkerLost,
    RequestQuarantined,
    DeadlineExceeded,
    InternalError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route with its OpenAPI description."""

    path: str
    form: type[Form]
    answer: type[AnyAnswer]
    summary: str
    description: str
    errors: tuple[type[TimeAudioError], ...] = ()


ROUTES = (
    Route(
        path="/dense-caption",
        form=DenseCaptionForm,
        answer=results.DenseCaption,
        summary="Describe all sound events and their times",
        description="Each event with its intervals and a caption. Times are in seconds from the start of the file.",
    ),
    Route(
        path="/ground",
        form=GroundForm,
        answer=results.Grounding,
        summary="Find when something happens",
        description="For each `query`, the intervals in which it happens, or `present: false`. "
        "The recording is encoded once.",
        errors=PROMPT,
    ),
    Route(
        path="/summarize",
        form=SummarizeForm,
        answer=results.Summary,
        summary="Summarize speech in segments",
        description="Consecutive segments of speech, each with a one-sentence summary; empty if nobody speaks.",
    ),
    Route(
        path="/ask",
        form=AskForm,
        answer=results.QuestionAnswer,
        summary="Answer a question about the recording",
        description="The answer to `question` and the intervals that it names, if any.",
        errors=PROMPT,
    ),
)


def router(limits: Limits) -> APIRouter:
    """Return the four routes, documented with the operator's limits."""
    made = APIRouter(prefix="/v1", tags=["tasks"])
    for route in ROUTES:
        made.add_api_route(
            route.path,
            _handler(route.form),
            methods=["POST"],
            name=route.form.task,
            response_model=route.answer,
            responses=documented(*BODY, *AUDIO, *route.errors, *SERVICE) | written_answer(route.form),
            openapi_extra=operation(route.form, limits),
            summary=route.summary,
            description=route.description,
        )
    return made


def _handler(form: type[Form]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await _answer(request, form)

    return answer


async def _answer(request: Request, form: type[Form]) -> Response:
    """Answer one request: take a place in the queue, then read the body, then do the work."""
    service: Service = request.app.state.service
    begun = time.monotonic()
    async with AsyncExitStack() as place:
        ticket = place.enter_context(service.admit())
        service.check_task(form.task)
        source = await place.enter_async_context(service.workspace()) / "upload"
        limits = service.settings.limits
        with step("receive"):
            received = await receive(request, form, limits, source)
        inference = received.fields.inference(limits)
        service.check_confidence(inference)
        if received.fields.stream:
            kept = place.pop_all()

            async def work(send_message: SendMessage) -> None:
                async with kept:
                    await write_answer(
                        SseWriter(form.task, send_message), service.stream(ticket, source, inference), begun
                    )

            return await streamed(request, work, lambda error: error_message(request, error), service.settings)
        result = await while_connected(request, service.analyze(ticket, source, inference))
    result.total_s = time.monotonic() - begun
    row = FORMATS[received.fields.response_format or "json"]
    return Response(row.write(PRESENTERS[form.task](result), received.name), media_type=row.media_type)
