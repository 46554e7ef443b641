"""A long recording through an engine: events as passes end, so many at once, nothing left when the reader goes."""

import asyncio
import struct
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from model.errors import AudioTooLong
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.engine.protocol import Answered, Encoded, Found, Request, Samples, Started, Task, Update
from server.errors import WorkerLost
from server.passes import AT_ONCE, analyze_passes, cut
from server.settings import Passes
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


@pytest.mark.parametrize(
    ("task", "duration", "number"),
    [
        ("dense_caption", 1, 1),
        ("dense_caption", 300, 1),
        ("dense_caption", 301, 2),
        ("ground", 300, 1),
        ("ground", 301, 2),
        ("ground", 1000, 4),
        ("ground", 1500, 6),
        ("summarize", 1500, 1),
        ("summarize", 1501, 2),
        ("ask", 1500, 1),
    ],
)
def test_how_long_a_pass_is_depends_on_the_task(task: Task, duration: int, number: int) -> None:
    passes = cut(duration, task, Passes())
    assert len(passes) == number
    shared = 40 if task in ("dense_caption", "ground") else 150
    assert all(a.end - b.start == shared for a, b in zip(passes, passes[1:], strict=False))


def test_a_question_about_more_than_one_pass_is_refused() -> None:
    with pytest.raises(
        AudioTooLong, match=r"at most 150 s; this recording is 150\.1 s .*PASSES__WHOLE_S; choose a part"
    ):
        cut(1501, "ask", Passes())


@pytest.mark.parametrize("task", ["dense_caption", "ground", "summarize"])
def test_one_pass_for_everything_is_a_matter_of_settings(task: Task) -> None:
    as_the_paper = Passes(seconds=150, overlap_s=15)
    assert cut(1500, task, as_the_paper) == [Interval(0, 1500)]
    assert cut(2000, task, as_the_paper) == [Interval(0, 1075), Interval(925, 2000)]


def test_an_overlap_is_at_most_half_a_pass() -> None:
    assert cut(150, "ground", Passes(seconds=10, overlap_s=30)) == [Interval(0, 100), Interval(50, 150)]


class TruthEngine(ScriptedEngine):
    """Hears in each pass what is true of it: the query's times, or those of each caption."""

    def __init__(self, truth: dict[str, list[tuple[int, int]]]) -> None:
        super().__init__()
        self.truth = truth

    async def analyze(self, request: Request) -> AsyncGenerator[Update, None]:
        here = Interval(*struct.unpack("<2i", request.samples.read()))
        yield Started(queue_s=0.0)
        yield Encoded(0.1, here.length)
        for index, query in enumerate(request.queries or [""]):
            asked = {query: self.truth[query]} if query else self.truth
            heard = [(said, self._heard(times, here)) for said, times in asked.items()]
            yield answered(index, *(Event(times, "" if query else said) for said, times in heard if times))

    @staticmethod
    def _heard(times: list[tuple[int, int]], here: Interval) -> tuple[Interval, ...]:
        inside = [Interval(*pair) for pair in times if Interval(*pair).overlap(here)]
        return tuple(Interval(max(i.start, here.start) - here.start, min(i.end, here.end) - here.start) for i in inside)


TRUTH = {
    "A dog barks.": [(30, 40), (200, 260), (385, 395), (950, 960)],  # the second across the seams of both lengths
    "Rain falls.": [(12, 988)],
    "A car passes.": [(225, 235)],  # within the overlap
    "A bell rings.": [(30, 40), (500, 520)],
    "A cat meows.": [],
}


@pytest.mark.parametrize("duration", [400, 1000])
@pytest.mark.parametrize("task", ["dense_caption", "ground"])
def test_what_every_pass_hears_rightly_is_told_rightly(task: Task, duration: int) -> None:
    whole = Interval(0, duration)
    truth = {
        said: [(start, min(end, duration)) for start, end in times if start < duration] for said, times in TRUTH.items()
    }
    passes = cut(duration, task, Passes())
    assert len(passes) == {400: 2, 1000: 4}[duration]
    queries = tuple(truth) if task == "ground" else ()

    async def hear() -> list[Update]:
        def pcm(span: Interval) -> Samples:
            return Samples(2, lambda: struct.pack("<2i", span.start, span.end))

        asked = request(task, *queries)
        return [update async for update in analyze_passes(TruthEngine(truth), asked, passes, pcm)]

    updates = asyncio.run(hear())
    answers = [update for update in updates if isinstance(update, Answered)]
    right = {said: tuple(Interval(*pair) for pair in times) for said, times in truth.items()}
    if task == "ground":
        assert [tuple(i for e in answer.events for i in e.intervals) for answer in answers] == list(right.values())
        assert [answer.present for answer in answers] == [bool(times) for times in right.values()]
    else:
        [answer] = answers
        assert {event.caption: event.intervals for event in answer.events} == {s: i for s, i in right.items() if i}
    told = [interval for update in updates if isinstance(update, Found) for interval in update.event.intervals]
    assert sorted(told) == sorted(i for times in right.values() for i in times)  # in a stream, too, each of them once
    assert all(interval.end <= whole.end for interval in told)
    assert sum(answer.num_completion_tokens for answer in answers) == 7 * len(passes) * len(answers)
    assert Encoded(pytest.approx(0.1 * len(passes)), sum(p.length for p in passes)) in updates
