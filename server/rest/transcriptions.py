"""`POST /v1/audio/transcriptions`: captions for the deaf, for clients of OpenAI's speech recognition."""

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from model.timeline.task import Task
from server.api.form import FORMS
from server.api.requests import InferenceRequest
from server.api.responses import PRESENTERS
from server.api.transcription_schema import Transcription, TranscriptionForm, TranscriptionVerbose
from server.api.validation import FILE, checked
from server.errors import ModelNotFound
from server.inference.admission import Ticket
from server.inference.service import Service
from server.rest.chat_answer import chat_error
from server.rest.disconnect import while_connected
from server.rest.models import check_model
from server.rest.openapi import without_null
from server.rest.problems import documented
from server.rest.streaming_response import ITEM, SendMessage, streamed
from server.rest.task_routes import AUDIO, BODY, SERVICE
from server.rest.transcript import written
from server.rest.transcription_form import read_transcription_form
from server.rest.transcription_stream import stream_captions
from server.settings import Limits
from server.telemetry.tracing import step
from timeaudio.formats import FORMATS
from timeaudio.results import AnyAnswer

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"])

FIXED_MODEL = "whisper-1"
"""The model name that many programs hard-code. Here it means the loaded model."""

_TEXTS = ("text/plain", FORMATS["srt"].media_type, FORMATS["vtt"].media_type)
_FORM = TranscriptionForm.model_json_schema()
_BODY_DESCRIBED = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FILE, *_FORM["required"]],
                "properties": {
                    FILE: {"type": "string", "format": "binary", "description": "An audio file."},
                    **{name: without_null(field) for name, field in _FORM["properties"].items()},
                },
            }
        }
    },
}
_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The captions in the requested format; with `stream`, one TextDelta per caption, then TextDone.",
        "content": {
            **{media_type: {"schema": {"type": "string"}} for media_type in _TEXTS},
            "text/event-stream": {"itemSchema": ITEM},
        },
    }
}


@router.post(
    "/audio/transcriptions",
    response_model=Transcription | TranscriptionVerbose,
    responses=documented(*BODY, ModelNotFound, *AUDIO, *SERVICE, openai=True) | _DESCRIBED,
    openapi_extra={"requestBody": _BODY_DESCRIBED},
    summary="Write captions for the deaf",
)
async def transcribe(request: Request) -> Response:
    """For clients of OpenAI's speech recognition: the sound events, written as captions for the deaf.

    A sound is `[a dog barks]`, once for each of its intervals. If the model recognises words, speech appears between
    the sounds as plain text; if it was only trained for summaries, the summaries appear instead. Captions are in order
    of time; in a stream, in the order in which they are found.
    """
    service: Service = request.app.state.service
    async with AsyncExitStack() as place:
        sounds = place.enter_context(service.admit())
        service.check_task("dense_caption")
        tickets: dict[Task, Ticket] = {"dense_caption": sounds}
        model = service.engine.model
        if model is not None and "summarize" in model.tasks:  # a second answer, which comes first
            tickets = {"summarize": place.enter_context(service.further_place()), "dense_caption": sounds}
        folder = await place.enter_async_context(service.workspace())
        with step("receive"):
            form = await read_transcription_form(request, service.settings.limits, folder / "upload")
        if form.model != FIXED_MODEL:
            check_model(service, form.model)
        questions = [
            _Question(ticket, folder / task, _inference(task, form, service.settings.limits))
            for task, ticket in tickets.items()
        ]
        service.check_confidence(questions[-1].inference)
        for question in questions:
            os.link(folder / "upload", question.source)  # each is deleted once it is decoded
        (folder / "upload").unlink()
        if form.stream:
            kept = place.pop_all()

            async def work(send_message: SendMessage) -> None:
                runs = ((q.inference.params.task, service.stream(q.ticket, q.source, q.inference)) for q in questions)
                async with kept:
                    await stream_captions(runs, send_message)

            return await streamed(request, work, lambda error: chat_error(request, error), service.settings)
        answers = await while_connected(request, _answers(service, questions))
    text, media_type = written(answers, form)
    return Response(text, media_type=media_type)


@dataclass(frozen=True, slots=True)
class _Question:
    """One of the tasks that make up the captions, with its own place in the queue and its own copy of the file."""

    ticket: Ticket
    source: Path
    inference: InferenceRequest


def _inference(task: Task, form: TranscriptionForm, limits: Limits) -> InferenceRequest:
    """Convert the form to an inference, with the same checks as the native routes."""
    values = form.model_dump(include={"start", "end", "track"})
    if task == "dense_caption":
        values["min_confidence"] = form.min_confidence
    inference = checked(FORMS[task], values, []).inference(limits)
    decoding = replace(inference.params.decoding, temperature=form.temperature or 0.0)
    return replace(inference, params=replace(inference.params, decoding=decoding, verbatim=task == "summarize"))


async def _answers(service: Service, questions: list[_Question]) -> list[AnyAnswer]:
    """Return the answers of all questions, one after the other."""
    return [
        PRESENTERS[q.inference.params.task](await service.analyze(q.ticket, q.source, q.inference)) for q in questions
    ]
