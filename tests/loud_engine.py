"""An engine that finds loud tones, exact to a tenth of a second.

`python -m tests.loud_engine --port N --grpc-port M` starts its server. Every interval louder than a tenth of full scale
is an event: "A low tone." if it crosses zero less than 2,000 times a second, else "A high tone.". Grounding finds both
by their caption ("a low tone"). Each answer takes SLOW_S seconds.
"""

import asyncio
import os
from collections.abc import AsyncGenerator

import numpy as np

from model.engine.updates import Encoded, Found, Started
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.workers.protocol import SAMPLE_RATE, EngineRequest, Update
from tests.scripted_engine import ScriptedEngine, answered, main, with_embeddings

BLOCK = SAMPLE_RATE // 10


def loud(pcm: bytes) -> list[Event]:
    samples = np.frombuffer(pcm, "<f4")
    kinds = []
    for start in range(0, len(samples) - BLOCK + 1, BLOCK):
        block = samples[start : start + BLOCK]
        crossings = np.count_nonzero(np.diff(np.signbit(block)))
        kinds.append("" if np.abs(block).mean() < 0.1 else "A low tone." if crossings < 200 else "A high tone.")
    events, begin = [], 0
    for at in range(1, len(kinds) + 1):
        if at == len(kinds) or kinds[at] != kinds[begin]:
            if kinds[begin]:
                events.append(Event((Interval(begin, at),), kinds[begin]))
            begin = at
    return events


class LoudEngine(ScriptedEngine):
    async def analyze(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
        await asyncio.sleep(float(os.environ.get("SLOW_S", "0")))
        yield Started(queue_s=0.0)
        yield Encoded(encode_s=0.01, num_audio_tokens=10)
        for index, query in enumerate(request.params.queries or ("",)):
            events = [event for event in loud(request.samples.read()) if query in event.caption.lower()]
            answer = answered(index, *events, text="tones")
            if request.params.embeddings:
                answer = with_embeddings(answer)
            for event in answer.answer.events:
                yield Found(index, event)
            yield answer


if __name__ == "__main__":
    main(LoudEngine())
