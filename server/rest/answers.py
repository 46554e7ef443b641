"""The routes that hear: each reads a recording and fields, and answers in the format that was asked for."""

import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from model.errors import (
    AudioTooLong,
    CorruptAudio,
    EmptyAudio,
    EmptyPrompt,
    PromptTooLong,
    TaskNotSupported,
    UnsupportedAudio,
)
from server.errors import (
    DeadlineExceeded,
    DecodeTooCostly,
    InternalError,
    InvalidField,
    MalformedRequest,
    NotReady,
    Overloaded,
    UnsupportedBody,
    UploadTooLarge,
    UploadTooSlow,
    WorkerLost,
)
from server.present import PRESENTERS
from server.rest.describe import operation, written_answer
from server.rest.disconnect import while_connected
from server.rest.form import AskForm, DenseCaptionForm, Form, GroundForm, SummarizeForm
from server.rest.problems import documented
from server.rest.upload import receive
from server.service import Service
from timeaudio import results
from timeaudio.formats import FORMATS

router = APIRouter(prefix="/v1", tags=["hearing"])

BODY = (MalformedRequest, UnsupportedBody, UploadTooLarge, UploadTooSlow, InvalidField)
AUDIO = (UnsupportedAudio, CorruptAudio, EmptyAudio, AudioTooLong, DecodeTooCostly)
PROMPT = (EmptyPrompt, PromptTooLong)
SERVICE = (TaskNotSupported, Overloaded, NotReady, WorkerLost, DeadlineExceeded, InternalError)


def _described(form: type[Form], *errors: type) -> Mapping[str, Any]:
    """What OpenAPI is told of a route with this form."""
    return {
        "responses": documented(*BODY, *AUDIO, *errors, *SERVICE) | written_answer(form),
        "openapi_extra": operation(form),
    }


@router.post(
    "/dense-caption",
    response_model=results.DenseCaption,
    summary="Everything that is heard, and when",
    **_described(DenseCaptionForm),
)
async def dense_caption(request: Request) -> Response:
    """Each event with its intervals and a caption. Seconds count from the start of the file."""
    return await _hear(request, DenseCaptionForm)


@router.post(
    "/ground",
    response_model=results.Grounding,
    summary="When something happens, or that it does not",
    **_described(GroundForm, *PROMPT),
)
async def ground(request: Request) -> Response:
    """For each `query` the intervals in which it happens, or `present: false`. The recording is encoded once."""
    return await _hear(request, GroundForm)


@router.post(
    "/summarize",
    response_model=results.Summary,
    summary="What is said, stretch by stretch",
    **_described(SummarizeForm),
)
async def summarize(request: Request) -> Response:
    """Consecutive stretches of speech, each with a sentence that sums it up; none where nobody speaks."""
    return await _hear(request, SummarizeForm)


@router.post(
    "/ask",
    response_model=results.QuestionAnswer,
    summary="The answer to a question about the recording",
    **_described(AskForm, *PROMPT),
)
async def ask(request: Request) -> Response:
    """The answer to `question`, and the intervals that it names, if any."""
    return await _hear(request, AskForm)


async def _hear(request: Request, form: type[Form]) -> Response:
    """A place in the queue before the first byte of the body is read; then the body, then the work."""
    service: Service = request.app.state.service
    begun = time.monotonic()
    with service.admit() as ticket:
        service.check_task(form.task)
        async with service.workspace() as folder:
            source = folder / "upload"
            limits = service.settings.limits
            received = await receive(request, form, limits, source)
            inquiry = received.fields.inquiry(limits)
            # Where `stream` is asked for, the updates of the engine will be passed on from here.
            analysis = await while_connected(request, service.analyze(ticket, source, inquiry))
    analysis.total_s = time.monotonic() - begun
    row = FORMATS[received.fields.response_format]
    return Response(row.write(PRESENTERS[form.task](analysis), received.name), media_type=row.media_type)
