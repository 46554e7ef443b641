"""The messages of a streamed answer on the native routes.

event: start     {"id": ..., "model": ..., "audio": {...}}, once the file is decoded
event: progress  {"passes_done": ..., "passes": ...}    recordings of several passes: at the start, after each pass
event: event     {"intervals": [...], "caption": ...}           dense-caption
event: result    {"query": ..., "present": ..., "intervals": [...]}    ground, one per query
event: segment   {"start": ..., "end": ..., "summary": ...}     summarize
event: interval  {"start": ..., "end": ...}                     ask
event: done      the whole answer, as without `stream`, with usage and timing
event: error     a problem (RFC 9457), in place of all further messages
"""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, Protocol

from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.requests import Request

from model.errors import TimeAudioError
from model.timeline.task import Task
from server.api.requests import InferenceResult, first_and_rest
from server.api.responses import PRESENTERS, beginning, pieces
from server.rest.problems import problem
from server.rest.streaming_response import SendMessage
from server.workers.protocol import Update
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, Progress, QuestionAnswer, Summary

PIECE_NAMES: Final[Mapping[Task, str]] = {
    "dense_caption": "event",
    "ground": "result",
    "summarize": "segment",
    "ask": "interval",
}


class StreamWriter(Protocol):
    """Streams one answer in the message format of one API."""

    async def follow(self, parts: AsyncGenerator[InferenceResult | Update, None]) -> InferenceResult:
        """Send what each part of `Service.stream` adds and return the complete result."""

    async def end(self, result: InferenceResult) -> None:
        """Send the whole answer."""


async def write_answer(
    writer: StreamWriter, parts: AsyncGenerator[InferenceResult | Update, None], began: float
) -> None:
    """Send the whole answer to a request that began at `began` (monotonic clock); closes `parts`."""
    async with aclosing(parts):
        result = await writer.follow(parts)
    result.total_s = time.monotonic() - began
    await writer.end(result)


class SseWriter:
    """Streams one answer piece by piece; messages are numbered from 0."""

    def __init__(self, task: Task, send_message: SendMessage) -> None:
        self._task = task
        self._send_message = send_message
        self._number = 0

    async def follow(self, parts: AsyncGenerator[InferenceResult | Update, None]) -> InferenceResult:
        """Send what each part of `Service.stream` adds and return the complete result."""
        result, updates = await first_and_rest(parts)
        await self._send("start", beginning(result))
        async for update in updates:
            for piece in pieces(self._task, result, update):
                await self._send("progress" if isinstance(piece, Progress) else PIECE_NAMES[self._task], piece)
        return result

    async def end(self, result: InferenceResult) -> None:
        """Send the whole answer."""
        await self._send("done", PRESENTERS[self._task](result))

    async def _send(self, name: str, value: BaseModel) -> None:
        encoded = message(name, value, self._number)
        self._number += 1
        await self._send_message(encoded)


def message(name: str, value: BaseModel, number: int) -> bytes:
    """Return one message."""
    return format_sse_event(event=name, data_str=value.model_dump_json(), id=str(number))


def named_pieces(answer: AnyAnswer) -> list[tuple[str, BaseModel]]:
    """Return the pieces that an answer is streamed in, each with the name of its message."""
    match answer:
        case DenseCaption():
            return [(PIECE_NAMES["dense_caption"], event) for event in answer.events]
        case Grounding():
            return [(PIECE_NAMES["ground"], result) for result in answer.results]
        case Summary():
            return [(PIECE_NAMES["summarize"], segment) for segment in answer.segments]
        case QuestionAnswer():
            return [(PIECE_NAMES["ask"], interval) for interval in answer.intervals]


def error_message(request: Request, error: TimeAudioError) -> bytes:
    """Return the problem as a message."""
    return format_sse_event(event="error", data_str=problem(request, error).model_dump_json(exclude_none=True))
