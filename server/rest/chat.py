"""`POST /v1/chat/completions`: a recording and words in OpenAI's shape. The words say which task is meant."""

import json
import time
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError

from model.errors import PromptTooLong
from server.errors import FieldError, InvalidField, ModelNotFound, UnsupportedBody
from server.inquiry import Analysis, Inquiry
from server.openai_schema import (
    AnswerMessage,
    AudioPart,
    ChatCompletion,
    ChatRequest,
    ChatUsage,
    Choice,
    PromptDetails,
    TextPart,
)
from server.present import PRESENTERS
from server.rest.answers import AUDIO, BODY, PROMPT, SERVICE
from server.rest.disconnect import while_connected
from server.rest.examples import RECORDING
from server.rest.fields import checked, field_errors
from server.rest.form import FORMS
from server.rest.json_body import decoded, read_object
from server.rest.problems import documented
from server.rest.upload import while_arriving
from server.rest.wording import understand
from server.service import Service
from server.settings import Limits
from timeaudio.formats.prose import prose

router = APIRouter(prefix="/v1", tags=["OpenAI's dialect"])

_EXAMPLE = {
    "model": "timeaudio-tiny",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "When does a dog bark?"},
                {"type": "input_audio", "input_audio": {"data": RECORDING, "format": "wav"}},
            ],
        }
    ],
}
_BODY_DESCRIBED = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/ChatRequest"}, "example": _EXAMPLE},
    },
}


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses=documented(*BODY, ModelNotFound, *AUDIO, *PROMPT, *SERVICE, openai=True),
    openapi_extra={"requestBody": _BODY_DESCRIBED},
    summary="Any of the four tasks, asked in words",
)
async def chat_completions(request: Request) -> ChatCompletion:
    """For programs that speak to OpenAI: one `input_audio` part is heard, and the words of the last user turn are read.

    The words decide the task ("When does a dog bark?", "Describe what you hear.", "Summarize the talk."; any other
    question is asked as it is), or `task` does. The content of the answer is lines for people, or, with
    `response_format: {"type": "json_object"}`, the JSON of the native route, which also stands in `result`. System
    turns and earlier ones do not change the answer; sampling options are passed over.
    """
    service: Service = request.app.state.service
    begun = time.monotonic()
    with service.admit() as ticket:
        limits = service.settings.limits
        async with service.workspace() as folder:
            source = folder / "upload"
            body = await _read(request, limits)
            _check_model(service, body.model)
            inquiry = _inquiry(body, limits)
            service.check_task(inquiry.task)
            await _save_recording(body, source)
            analysis = await while_connected(request, service.analyze(ticket, source, inquiry))
    analysis.total_s = time.monotonic() - begun
    return _completion(analysis, inquiry, as_json=_wants_json(body))


def _wants_json(body: ChatRequest) -> bool:
    return body.response_format is not None and body.response_format.type == "json_object"


async def _read(request: Request, limits: Limits) -> ChatRequest:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedBody(f"Send a JSON object as application/json, not as {media_type or 'an unnamed type'}.")
    async with while_arriving(limits):
        value = await read_object(request, limits)
    try:
        return ChatRequest.model_validate(value, strict=True)
    except ValidationError as error:
        raise InvalidField(field_errors(error)) from None


def _check_model(service: Service, name: str) -> None:
    model = service.engine.model
    if model is not None and name != model.name:
        raise ModelNotFound(name, loaded=model.name)


def _inquiry(body: ChatRequest, limits: Limits) -> Inquiry:
    """The same checks as on the native routes, by the same forms."""
    words = _words(body)
    if len(words) > limits.query_chars:
        raise PromptTooLong(limit=limits.query_chars, length=len(words))
    task, prompt = understand(words, body.task)
    prompts: dict[str, dict[str, Any]] = {"ground": {"query": [prompt]}, "ask": {"question": prompt}}
    values: dict[str, Any] = body.model_dump(include={"start", "end", "num_beams", "timeout_s"})
    most = body.max_completion_tokens or body.max_tokens
    if most is not None:
        values["max_new_tokens"] = min(most, limits.max_new_tokens)  # a bound, and programs send generous ones
    return checked(FORMS[task], values | prompts.get(task, {}), []).inquiry(limits)


def _words(body: ChatRequest) -> str:
    """What the user said last."""
    contents = [message.content for message in body.messages if message.role == "user"]
    last = contents[-1] if contents else None
    if isinstance(last, str):
        return last
    return " ".join(part.text for part in last or [] if isinstance(part, TextPart))


async def _save_recording(body: ChatRequest, target: Path) -> None:
    recordings = [
        part.input_audio
        for message in body.messages
        for part in (message.content if isinstance(message.content, list) else [])
        if isinstance(part, AudioPart)
    ]
    if len(recordings) != 1:
        detail = f"must hold one part of type input_audio, and hold {len(recordings)}"
        raise InvalidField([FieldError("messages", detail)])
    try:
        recording = await decoded(recordings[0].data)
    except ValueError as error:
        raise InvalidField([FieldError("messages", f"input_audio.data {error}")]) from None
    target.write_bytes(recording)


def _completion(analysis: Analysis, inquiry: Inquiry, *, as_json: bool) -> ChatCompletion:
    answer = PRESENTERS[inquiry.task](analysis)
    result = answer.model_dump(mode="json")
    usage = answer.usage
    was_cut = any(found.num_completion_tokens >= inquiry.options.max_new_tokens for found in analysis.answers)
    return ChatCompletion(
        id=analysis.id,
        created=int(time.time()),
        model=analysis.model,
        choices=[
            Choice(
                message=AnswerMessage(content=json.dumps(result, ensure_ascii=False) if as_json else prose(answer)),
                finish_reason="length" if was_cut else "stop",
            )
        ],
        usage=ChatUsage(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            total_tokens=usage.prompt_tokens + usage.completion_tokens,
            prompt_tokens_details=PromptDetails(audio_tokens=usage.audio_tokens),
        ),
        task=inquiry.task,
        result=result,
    )
