"""The routes that hear: each reads a form with a recording, and answers in JSON."""

import time
from typing import TypeVar

from fastapi import APIRouter, Request

from model.errors import (
    AudioTooLong,
    CorruptAudio,
    EmptyAudio,
    EmptyPrompt,
    PromptTooLong,
    TaskNotSupported,
    UnsupportedAudio,
)
from server import present, schema
from server.errors import (
    DeadlineExceeded,
    DecodeTooCostly,
    InternalError,
    InvalidField,
    MalformedRequest,
    NotAForm,
    NotReady,
    Overloaded,
    UploadTooLarge,
    UploadTooSlow,
    WorkerLost,
)
from server.rest.disconnect import while_connected
from server.rest.form import DenseCaptionForm, GroundForm, request_body
from server.rest.problems import documented
from server.rest.upload import receive
from server.service import Analysis, Service

router = APIRouter(prefix="/v1", tags=["hearing"])

Form = TypeVar("Form", bound=DenseCaptionForm)

_BODY = (MalformedRequest, NotAForm, UploadTooLarge, UploadTooSlow, InvalidField)
_AUDIO = (UnsupportedAudio, CorruptAudio, EmptyAudio, AudioTooLong, DecodeTooCostly)
_SERVICE = (TaskNotSupported, Overloaded, NotReady, WorkerLost, DeadlineExceeded, InternalError)


@router.post(
    "/dense-caption",
    response_model=schema.DenseCaptionAnswer,
    responses=documented(*_BODY, *_AUDIO, *_SERVICE),
    openapi_extra={"requestBody": request_body(DenseCaptionForm)},
    summary="Everything that is heard, and when",
)
async def dense_caption(request: Request) -> schema.DenseCaptionAnswer:
    """Each event with its intervals and a caption. Seconds count from the start of the file."""
    return present.dense_caption(await _hear(request, DenseCaptionForm))


@router.post(
    "/ground",
    response_model=schema.GroundAnswer,
    responses=documented(*_BODY, *_AUDIO, EmptyPrompt, PromptTooLong, *_SERVICE),
    openapi_extra={"requestBody": request_body(GroundForm)},
    summary="When something happens, or that it does not",
)
async def ground(request: Request) -> schema.GroundAnswer:
    """For each `query` the intervals in which it happens, or `present: false`. The recording is encoded once."""
    return present.ground(await _hear(request, GroundForm))


async def _hear(request: Request, form: type[Form]) -> Analysis:
    """A place in the queue before the first byte of the body is read; then the body, then the work."""
    service: Service = request.app.state.service
    begun = time.monotonic()
    with service.admit() as ticket:
        async with service.workspace() as folder:
            source = folder / "upload"
            limits = service.settings.limits
            fields = await receive(request, form, limits, source)
            inquiry = fields.inquiry(limits)
            analysis = await while_connected(request, service.analyze(ticket, source, inquiry))
    analysis.total_s = time.monotonic() - begun
    return analysis
