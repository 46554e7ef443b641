"""An engine that answers all four tasks without a model. `python -m tests.scripted_engine --port N` starts its server.

Its answers depend only on the length of the recording and on the text. Grounding: "nothing" is absent, any other query
happens from 0.1 s to half of the recording. The answer to a question is the question in capitals. If the question
starts with "slowly", the answer comes a second after its interval; if it starts with "break", the worker is lost.
"""

import argparse
import asyncio
import math
import os
import struct
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import uvicorn

from model.engine.updates import Answered, Encoded, Found, ParsedAnswer, Started
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import TASKS
from server.app import create_app
from server.errors import WorkerLost
from server.settings import Settings
from server.workers.protocol import SAMPLE_RATE, EngineRequest, ModelInfo, Update

CAPTION = 'A dog says "wow" --> twice.'
"""Text that formats must escape."""
NUM_TOKENS = 7
"""The number of tokens of every answer."""


class ScriptedEngine:
    """Implements `server.workers.protocol.Engine`."""

    model: ModelInfo | None = ModelInfo(name="scripted", tasks=TASKS)
    state = "The scripted engine is ready."
    num_workers = 1
    num_free = 32
    slot_usage = 0.0

    def __init__(self) -> None:
        self.on_restart: Callable[[], object] = lambda: None
        self.on_failure: Callable[[], object] = lambda: None

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def analyze(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
        """Yield the events of each answer, then the answer."""
        async for update in self._updates(request):
            if isinstance(update, Answered):
                is_cut = (request.params.decoding.max_new_tokens or NUM_TOKENS + 1) <= NUM_TOKENS
                update = replace(update, answer=replace(update.answer, is_cut=is_cut))
                if request.params.embeddings:
                    update = with_embeddings(update)
                for event in update.answer.events:
                    yield Found(update.index, event)
                await dawdle(request)
            yield update

    async def _updates(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
        end = max(4, request.samples.count * 10 // SAMPLE_RATE)
        half = end // 2
        yield Started(queue_s=0.0)
        yield Encoded(encode_s=0.01, num_audio_tokens=end)
        match request.params.task:
            case "dense_caption":
                yield answered(0, Event((Interval(0, half), Interval(half - 1, end)), CAPTION), text="all")
            case "ground":
                for index, query in enumerate(request.params.queries):
                    found = [] if query == "nothing" else [Event((Interval(1, half),), "")]
                    yield answered(index, *found)
            case "summarize":
                first, second = Event((Interval(0, half),), "Hello."), Event((Interval(half, end),), "Goodbye.")
                yield answered(0, first, second)
            case "ask":
                yield answered(0, Event((Interval(0, 1),), ""), text=request.params.queries[0].upper())


async def dawdle(request: EngineRequest) -> None:
    words = request.params.queries[0] if request.params.task == "ask" else ""
    if words.startswith("slowly"):
        await asyncio.sleep(1.0)
    if words.startswith("break"):
        raise WorkerLost("The model was lost. Send the request again.", retry_after_s=1.0)


def with_embeddings(answered: Answered) -> Answered:
    """Give each interval a vector of length 1 that depends on its start, as 32-bit floats."""

    def embedded(interval: Interval) -> Interval:
        angle = 1.0 + interval.start
        return replace(interval, embedding=struct.unpack("2f", struct.pack("2f", math.cos(angle), math.sin(angle))))

    events = (Event(tuple(map(embedded, event.intervals)), event.caption) for event in answered.answer.events)
    return replace(answered, answer=replace(answered.answer, events=tuple(events)))


def answered(index: int, *events: Event, text: str = "") -> Answered:
    return Answered(index, ParsedAnswer(events, text, 12, NUM_TOKENS, generate_s=0.02))


def main(engine: ScriptedEngine) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--grpc-port", type=int)
    arguments = parser.parse_args()
    os.environ.setdefault("TIMEAUDIO_PASSES__SECONDS", "30")  # the scripted answers fit passes of this length
    address = None if arguments.grpc_port is None else f"127.0.0.1:{arguments.grpc_port}"
    app = create_app(engine, Settings(), grpc_address=address)
    uvicorn.run(app, port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main(ScriptedEngine())
