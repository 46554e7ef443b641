"""A long recording through an engine: events as passes end, so many at once, nothing left when the reader goes."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from model.timeline.event import Event
from model.timeline.interval import Interval
from server.engine.protocol import Answered, Encoded, Found, Request, Samples, Started, Task, Update
from server.errors import WorkerLost
from server.passes import AT_ONCE, analyze_passes
from tests.scripted_engine import ScriptedEngine, answered

PASSES = [Interval(90 * number, 90 * number + 100) for number in range(10)]


class PassEngine(ScriptedEngine):
    """Hears a click from 5.0 to 5.1 s of each pass; tells how many are inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = self.begun = 0
        self.fails_at = -1

    async def analyze(self, request: Request) -> AsyncGenerator[Update, None]:
        number, self.begun = self.begun, self.begun + 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            yield Started(queue_s=0.5)
            yield Encoded(1.0, 7)
            await asyncio.sleep(0.02 if number % 2 else 0.001)  # they do not end in order
            if number == self.fails_at:
                raise WorkerLost("gone", retry_after_s=1.0)
            for index in range(max(1, len(request.queries))):
                yield answered(index, Event((Interval(50, 51),), "A click."))
        finally:
            self.inside -= 1


def request(task: Task = "dense_caption", *queries: str) -> Request:
    return Request(id="x", task=task, queries=queries, deadline=time.monotonic() + 60)


def samples(span: Interval) -> Samples:
    return Samples(span.length, lambda: bytes(4 * span.length))


def test_events_come_pass_by_pass_and_the_answer_is_whole() -> None:
    engine = PassEngine()

    async def hear() -> list[Update]:
        return [update async for update in analyze_passes(engine, request("ground", "a", "b"), PASSES, samples)]

    updates = asyncio.run(hear())
    assert updates[0] == Started(queue_s=0.5)
    clicks = [Event((Interval(90 * n + 50, 90 * n + 51),), "A click.") for n in range(10)]
    assert [u for u in updates if isinstance(u, Found)] == [Found(i, click) for click in clicks for i in (0, 1)]
    assert updates[-3] == Encoded(10.0, 70)
    first, second = updates[-2:]
    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert (first.index, second.index) == (0, 1)
    assert first.events == second.events == tuple(clicks)
    assert (first.present, first.num_prompt_tokens, first.num_completion_tokens) == (True, 120, 70)
    assert first.text.splitlines()[1] == "<a_1><a_4><f_0> - <a_1><a_4><f_1>. A click."
    assert engine.most == AT_ONCE


def test_a_reader_who_goes_leaves_nothing_behind() -> None:
    engine = PassEngine()

    async def leave() -> None:
        async with aclosing(analyze_passes(engine, request(), PASSES, samples)) as updates:
            async for update in updates:
                if isinstance(update, Found):
                    break
        assert engine.inside == 0
        assert engine.begun < len(PASSES)

    asyncio.run(leave())


def test_one_pass_that_fails_is_the_end_of_all() -> None:
    engine = PassEngine()
    engine.fails_at = 2

    async def hear() -> None:
        async for _ in analyze_passes(engine, request(), PASSES, samples):
            pass

    with pytest.raises(WorkerLost):
        asyncio.run(hear())
    assert engine.inside == 0
