"""Answers in OpenAI's format: whole, or streamed as chunks as events are found."""

import json
import time
from collections.abc import AsyncGenerator
from typing import Literal

from fastapi.sse import format_sse_event
from starlette.requests import Request

from model.errors import TimeAudioError
from server.api.openai_schema import (
    AnswerMessage,
    ChatChunk,
    ChatCompletion,
    ChatUsage,
    Choice,
    ChunkChoice,
    Delta,
    PromptDetails,
)
from server.api.requests import InferenceRequest, InferenceResult, first_and_rest
from server.api.responses import PRESENTERS, pieces
from server.errors import problem_of
from server.rest.openai_errors import error_object
from server.rest.problems import problem
from server.rest.streaming_response import SendMessage
from server.workers.protocol import Update
from timeaudio.formats.prose import line, prose
from timeaudio.results import AnyAnswer, CaptionedEvent, GroundingResult, SummarySegment


def completion(result: InferenceResult, inference: InferenceRequest, *, as_json: bool) -> ChatCompletion:
    """Return the whole answer; its content is plain text, or JSON."""
    answer = PRESENTERS[inference.params.task](result)
    fields = answer.model_dump(mode="json")
    was_cut = any(found.is_cut for found in result.answers)
    return ChatCompletion(
        id=result.id,
        created=int(time.time()),
        model=result.model,
        choices=[
            Choice(
                message=AnswerMessage(content=json.dumps(fields, ensure_ascii=False) if as_json else prose(answer)),
                finish_reason="length" if was_cut else "stop",
            )
        ],
        usage=_usage(answer),
        task=inference.params.task,
        result=fields,
    )


class ChatStreamWriter:
    """Streams one answer in chunks, one line of content per event.

    Together they equal the whole answer's content, except that a sound that recurs has a line each time it is found.
    """

    def __init__(
        self, inference: InferenceRequest, send_message: SendMessage, *, as_json: bool, with_usage: bool
    ) -> None:
        self._inference = inference
        self._send_message = send_message
        self._as_json = as_json
        self._with_usage = with_usage
        self._created = int(time.time())
        self._content = ""

    async def follow(self, parts: AsyncGenerator[InferenceResult | Update, None]) -> InferenceResult:
        """Send what each part of `Service.stream` adds and return the complete result."""
        result, updates = await first_and_rest(parts)
        await self._send(self._chunk(result, Delta(role="assistant", content="")))
        async for update in updates:
            if not self._as_json:  # JSON holds totals, so it is sent whole at the end
                await self._update(result, update)
        return result

    async def _update(self, result: InferenceResult, update: Update) -> None:
        for piece in pieces(self._inference.params.task, result, update):
            if isinstance(piece, CaptionedEvent | GroundingResult | SummarySegment):
                await self._add(result, ("\n" if self._content else "") + line(piece))

    async def end(self, result: InferenceResult) -> None:
        """Send the rest of the content, then the finish reason, then the usage."""
        whole = completion(result, self._inference, as_json=self._as_json)
        [choice] = whole.choices
        await self._add(result, choice.message.content[len(self._content) :])
        last = self._chunk(result, Delta(), choice.finish_reason)
        await self._send(last.model_copy(update={"task": whole.task, "result": whole.result}))
        if self._with_usage:
            await self._send(last.model_copy(update={"choices": [], "usage": whole.usage}))
        await self._send_message(format_sse_event(data_str="[DONE]"))

    async def _add(self, result: InferenceResult, content: str) -> None:
        if content:
            self._content += content
            await self._send(self._chunk(result, Delta(content=content)))

    def _chunk(
        self, result: InferenceResult, delta: Delta, reason: Literal["stop", "length"] | None = None
    ) -> ChatChunk:
        choices = [ChunkChoice(delta=delta, finish_reason=reason)]
        return ChatChunk(id=result.id, created=self._created, model=result.model, choices=choices)

    async def _send(self, chunk: ChatChunk) -> None:
        await self._send_message(format_sse_event(data_str=chunk.model_dump_json()))


def chat_error(request: Request, error: TimeAudioError) -> bytes:
    """Return OpenAI's error object as a stream message, which its clients raise."""
    details = problem(request, error)
    body = error_object(details.status, problem_of(error).slug, details.detail, details.errors)
    return format_sse_event(data_str=json.dumps(body, ensure_ascii=False))


def _usage(answer: AnyAnswer) -> ChatUsage:
    usage = answer.usage
    return ChatUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        prompt_tokens_details=PromptDetails(audio_tokens=usage.audio_tokens),
    )
