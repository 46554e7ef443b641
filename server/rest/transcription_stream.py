"""Stream captions in the messages of OpenAI's transcriptions: one delta per line, then the whole text.

data: {"type": "transcript.text.delta", "delta": ""}                        once the file is decoded
data: {"type": "transcript.text.delta", "delta": "[a dog barks]"}           per caption
data: {"type": "transcript.text.done", "text": "...", "usage": {...}}       the end
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from fastapi.sse import format_sse_event
from pydantic import BaseModel

from model.timeline.task import Task
from server.api.requests import InferenceResult, first_and_rest
from server.api.responses import PRESENTERS, pieces
from server.api.transcription_schema import TextDelta, TextDone
from server.rest.streaming_response import SendMessage
from server.rest.transcript import Captioner, lines, token_usage
from server.workers.protocol import Update
from timeaudio.results import AnyAnswer, Piece, Progress

Run = tuple[Task, AsyncGenerator[InferenceResult | Update, None]]
"""A task and the parts of its answer, from `Service.stream`."""


async def stream_captions(runs: Iterable[Run], send_message: SendMessage) -> None:
    """Send the captions of all runs, one run after the other; closes their parts.

    Lines come in the order in which they are found, and the whole text keeps that order: it equals the deltas.
    """
    text = ""
    captioner = Captioner()
    answers: list[AnyAnswer] = []
    for task, parts in runs:
        async with aclosing(parts):
            result, updates = await first_and_rest(parts)
            if not answers:
                await _send(send_message, TextDelta(delta=""))
            async for update in updates:
                for line in _lines(captioner, pieces(task, result, update)):
                    delta = f"\n{line}" if text else line
                    text += delta
                    await _send(send_message, TextDelta(delta=delta))
        answers.append(PRESENTERS[task](result))
    await _send(send_message, TextDone(text=text, usage=token_usage(answers)))


def _lines(captioner: Captioner, found: Iterable[Piece | Progress]) -> list[str]:
    captioned = [piece for piece in found if not isinstance(piece, Progress)]
    return [line for piece in captioned for event in captioner.captions(piece) for line in lines(event)]


async def _send(send_message: SendMessage, message: BaseModel) -> None:
    await send_message(format_sse_event(data_str=message.model_dump_json()))
