"""`POST /v1/chat/completions`: a recording and text in OpenAI's format. The text selects the task."""

import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError

from model.errors import PromptTooLong
from server.api.form import FORMS
from server.api.openai_schema import AudioPart, ChatCompletion, ChatRequest, TextPart
from server.api.requests import InferenceRequest
from server.api.validation import checked
from server.errors import InvalidField, InvalidFieldDetail, ModelNotFound, UnsupportedBody
from server.inference.service import Service
from server.rest.chat_answer import ChatStreamWriter, chat_error, completion
from server.rest.chat_parts import chat_errors
from server.rest.content_encoding import refuse_encoded
from server.rest.disconnect import while_connected
from server.rest.examples import RECORDING
from server.rest.intent import understand
from server.rest.json_body import decoded, read_object
from server.rest.models import check_model
from server.rest.problems import documented
from server.rest.sse import write_answer
from server.rest.streaming_response import ITEM, SendMessage, streamed
from server.rest.task_routes import AUDIO, BODY, PROMPT, SERVICE
from server.rest.upload import while_arriving
from server.runtime.run_blocking import file_work
from server.settings import Limits
from server.telemetry.tracing import step

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"])

_EXAMPLE = {
    "model": "timeaudio-small",
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
_STREAM_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream`, one ChatChunk per message, then `[DONE]`.",
        "content": {"text/event-stream": {"itemSchema": ITEM}},
    }
}


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses=documented(*BODY, ModelNotFound, *AUDIO, *PROMPT, *SERVICE, openai=True) | _STREAM_DESCRIBED,
    openapi_extra={"requestBody": _BODY_DESCRIBED},
    summary="Run any of the four tasks, selected by text",
)
async def chat_completions(request: Request) -> Any:
    """For OpenAI clients: analyse the one `input_audio` part according to the text of the last user turn.

    The text selects the task ("When does a dog bark?", "Describe what you hear.", "Summarize the talk."; anything else
    is a question), unless `task` sets it. The content of the answer is plain text or, with
    `response_format: {"type": "json_object"}`, the JSON of the native route, which is also in `result`. System turns
    and earlier turns do not change the answer; sampling options are ignored.
    """
    service: Service = request.app.state.service
    begun = time.monotonic()
    async with AsyncExitStack() as place:
        ticket = place.enter_context(service.admit())
        limits = service.settings.limits
        source = await place.enter_async_context(service.workspace()) / "upload"
        with step("receive"):
            body = await _read(request, limits)
        check_model(service, body.model)
        inference = _inference_request(body, limits)
        service.check_task(inference.params.task)
        await _save_recording(body, source)
        if body.stream:
            kept = place.pop_all()

            async def work(send_message: SendMessage) -> None:
                with_usage = body.stream_options is not None and bool(body.stream_options.include_usage)
                writer = ChatStreamWriter(
                    inference, send_message, as_json=_is_json_requested(body), with_usage=with_usage
                )
                async with kept:
                    await write_answer(writer, service.stream(ticket, source, inference), begun)

            return await streamed(request, work, lambda error: chat_error(request, error), service.settings)
        result = await while_connected(request, service.analyze(ticket, source, inference))
    result.total_s = time.monotonic() - begun
    return completion(result, inference, as_json=_is_json_requested(body))


def _is_json_requested(body: ChatRequest) -> bool:
    return body.response_format is not None and body.response_format.type == "json_object"


async def _read(request: Request, limits: Limits) -> ChatRequest:
    refuse_encoded(request.headers)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedBody(f"Send a JSON object as application/json, not as {media_type or 'an undeclared type'}.")
    async with while_arriving(limits):
        value = await read_object(request, limits)
    try:
        return ChatRequest.model_validate(value, strict=True)
    except ValidationError as error:
        raise InvalidField(chat_errors(error, value)) from None


def _inference_request(body: ChatRequest, limits: Limits) -> InferenceRequest:
    """Convert the body to an inference, with the same forms and checks as the native routes."""
    words = _words(body)
    if len(words) > limits.query_chars:
        raise PromptTooLong(limit=limits.query_chars, length=len(words))
    task, prompt = understand(words, body.task)
    prompts: dict[str, dict[str, Any]] = {"ground": {"query": [prompt]}, "ask": {"question": prompt}}
    values: dict[str, Any] = body.model_dump(include={"start", "end", "track", "num_beams", "timeout_s"})
    most = body.max_completion_tokens or body.max_tokens
    if most is not None:
        values["max_new_tokens"] = min(most, limits.max_new_tokens)  # clients often send a generous upper bound
    return checked(FORMS[task], values | prompts.get(task, {}), []).inference(limits)


def _words(body: ChatRequest) -> str:
    """Return the text of the last user turn."""
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
        detail = f"must hold exactly one part of type input_audio, not {len(recordings)}"
        raise InvalidField([InvalidFieldDetail("messages", detail)])
    try:
        recording = await decoded(recordings[0].data)
    except ValueError as error:
        raise InvalidField([InvalidFieldDetail("messages", f"input_audio.data {error}")]) from None
    await file_work(len(recording), target.write_bytes, recording)
