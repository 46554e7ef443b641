"""A long recording in passes: events as passes end, limited concurrency, and no work left after cancellation."""

import asyncio
import struct
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from model.engine.updates import Answered, Encoded, Found, Started
from model.errors import AudioTooLong
from model.task_params import TaskParams
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import Task
from server.errors import WorkerLost
from server.inference.long_audio import AT_ONCE, analyze_passes, cut
from server.settings import Passes
from server.workers.protocol import EngineRequest, LazySamples, Update
from tests.scripted_engine import ScriptedEngine, answered

PASSES = [Interval(90 * number, 90 * number + 100) for number in range(10)]


class PassEngine(ScriptedEngine):
    """Finds a click from 5.0 to 5.1 s in each pass, and counts concurrent passes."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = self.begun = 0
        self.num_passes: set[int] = set()
        self.fails_at = -1

    async def analyze(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
        number, self.begun = self.begun, self.begun + 1
        self.num_passes.add(request.params.num_passes)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            yield Started(queue_s=0.5)
            yield Encoded(1.0, 7)
            await asyncio.sleep(0.02 if number % 2 else 0.001)  # so that passes do not end in order
            if number == self.fails_at:
                raise WorkerLost("gone", retry_after_s=1.0)
            for index in range(max(1, len(request.params.queries))):
                yield answered(index, Event((Interval(50, 51),), "A click."))
        finally:
            self.inside -= 1


def request(task: Task = "dense_caption", *queries: str) -> EngineRequest:
    params = TaskParams(task=task, queries=queries)
    return EngineRequest(id="x", params=params, deadline=time.monotonic() + 60, is_streamed=False)


def samples(span: Interval) -> LazySamples:
    return LazySamples(span.length, lambda: bytes(4 * span.length))


def test_events_are_sent_per_pass_and_the_answer_covers_all_passes() -> None:
    engine = PassEngine()

    async def collect() -> list[Update]:
        return [update async for update in analyze_passes(engine, request("ground", "a", "b"), PASSES, samples)]

    updates = asyncio.run(collect())
    assert updates[0] == Started(queue_s=0.5)
    clicks = [Event((Interval(90 * n + 50, 90 * n + 51),), "A click.") for n in range(10)]
    assert [u for u in updates if isinstance(u, Found)] == [Found(i, click) for click in clicks for i in (0, 1)]
    assert updates[-3] == Encoded(10.0, 70)
    first, second = updates[-2:]
    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert (first.index, second.index) == (0, 1)
    assert (
        first.answer.events
        == second.answer.events
        == (Event(tuple(i for click in clicks for i in click.intervals), "A click."),)
    )
    assert (first.answer.present, first.answer.num_prompt_tokens, first.answer.num_completion_tokens) == (True, 120, 70)
    assert first.answer.written.split(", ")[1] == "<a_1><a_4><f_0> - <a_1><a_4><f_1>"
    assert engine.most == AT_ONCE
    assert engine.num_passes == {len(PASSES)}


def test_the_first_pass_of_a_stream_runs_alone() -> None:
    engine = PassEngine()

    async def begun_at_each_event() -> list[int]:
        message = replace(request(), is_streamed=True)
        updates = analyze_passes(engine, message, PASSES, samples)
        return [engine.begun async for update in updates if isinstance(update, Found)]

    begun = asyncio.run(begun_at_each_event())
    assert begun[0] == 1
    assert begun[-1] == len(PASSES)
    assert engine.most == AT_ONCE


def test_an_answer_is_cut_if_that_of_one_pass_is() -> None:
    class CuttingEngine(PassEngine):
        async def analyze(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
            async for update in super().analyze(request):
                if isinstance(update, Answered) and update.index == 1 and request.id == "x-3":
                    update = replace(update, answer=replace(update.answer, is_cut=True))
                yield update

    async def collect() -> list[Update]:
        message = request("ground", "a", "b")
        return [update async for update in analyze_passes(CuttingEngine(), message, PASSES, samples)]

    answers = [update.answer for update in asyncio.run(collect()) if isinstance(update, Answered)]
    assert [answer.is_cut for answer in answers] == [False, True]


def test_closing_the_stream_stops_all_passes() -> None:
    engine = PassEngine()

    async def leave() -> None:
        async with aclosing(analyze_passes(engine, request(), PASSES, samples)) as updates:
            async for update in updates:
                if isinstance(update, Found):
                    break
        assert engine.inside == 0
        assert engine.begun < len(PASSES)

    asyncio.run(leave())


def test_a_failed_pass_stops_all_passes() -> None:
    engine = PassEngine()
    engine.fails_at = 2

    async def collect() -> None:
        async for _ in analyze_passes(engine, request(), PASSES, samples):
            pass

    with pytest.raises(WorkerLost):
        asyncio.run(collect())
    assert engine.inside == 0


def test_the_length_of_a_pass_depends_on_the_task() -> None:
    for task, duration, number in [
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
    ]:
        passes = cut(duration, task, Passes(seconds=30))
        assert len(passes) == number
        shared = 40 if task in ("dense_caption", "ground") else 150
        assert all(shared <= a.end - b.start <= shared + 1 for a, b in zip(passes, passes[1:], strict=False))


def test_a_question_about_more_than_one_pass_is_rejected() -> None:
    with pytest.raises(
        AudioTooLong, match=r"at most 150 s; this recording is 150\.1 s .*PASSES__WHOLE_S; select a part"
    ):
        cut(1501, "ask", Passes())


def test_settings_can_give_all_tasks_the_same_pass_length() -> None:
    as_the_paper = Passes(seconds=150, overlap_s=15)
    tasks: tuple[Task, ...] = ("dense_caption", "ground", "summarize")
    for task in tasks:
        assert cut(1500, task, as_the_paper) == [Interval(0, 1500)], task
        assert cut(2000, task, as_the_paper) == [Interval(0, 1075), Interval(925, 2000)], task


def test_an_overlap_is_at_most_half_a_pass() -> None:
    assert cut(150, "ground", Passes(seconds=10, overlap_s=30)) == [Interval(0, 100), Interval(50, 150)]


class TruthEngine(ScriptedEngine):
    """Finds the true events in each pass: the times of the query, or of each caption."""

    def __init__(self, truth: dict[str, list[tuple[int, int]]]) -> None:
        super().__init__()
        self.truth = truth

    async def analyze(self, request: EngineRequest) -> AsyncGenerator[Update, None]:
        here = Interval(*struct.unpack("<2i", request.samples.read()))
        yield Started(queue_s=0.0)
        yield Encoded(0.1, here.length)
        for index, query in enumerate(request.params.queries or [""]):
            wanted = {query: self.truth[query]} if query else self.truth
            found = [(caption, self._intervals_in(times, here)) for caption, times in wanted.items()]
            yield answered(index, *(Event(times, "" if query else caption) for caption, times in found if times))

    @staticmethod
    def _intervals_in(times: list[tuple[int, int]], here: Interval) -> tuple[Interval, ...]:
        inside = [Interval(*pair) for pair in times if Interval(*pair).overlap(here)]
        return tuple(Interval(max(i.start, here.start) - here.start, min(i.end, here.end) - here.start) for i in inside)


TRUTH = {
    "A dog barks.": [(30, 40), (200, 260), (385, 395), (950, 960)],  # the second one crosses a seam for both durations
    "Rain falls.": [(12, 988)],
    "A car passes.": [(225, 235)],  # inside the overlap of two passes
    "A bell rings.": [(30, 40), (500, 520)],
    "A cat meows.": [],
}


@pytest.mark.parametrize("duration", [400, 1000])
@pytest.mark.parametrize("task", ["dense_caption", "ground"])
def test_correct_events_in_every_pass_give_a_correct_answer(task: Task, duration: int) -> None:
    whole = Interval(0, duration)
    truth = {
        caption: [(start, min(end, duration)) for start, end in times if start < duration]
        for caption, times in TRUTH.items()
    }
    passes = cut(duration, task, Passes(seconds=30))
    assert len(passes) == {400: 2, 1000: 4}[duration]
    queries = tuple(truth) if task == "ground" else ()

    async def collect() -> list[Update]:
        def pcm(span: Interval) -> LazySamples:
            return LazySamples(2, lambda: struct.pack("<2i", span.start, span.end))

        message = request(task, *queries)
        return [update async for update in analyze_passes(TruthEngine(truth), message, passes, pcm)]

    updates = asyncio.run(collect())
    answers = [update.answer for update in updates if isinstance(update, Answered)]
    expected = {caption: tuple(Interval(*pair) for pair in times) for caption, times in truth.items()}
    if task == "ground":
        assert [answer.intervals for answer in answers] == list(expected.values())
        assert [answer.present for answer in answers] == [bool(times) for times in expected.values()]
    else:
        [answer] = answers
        assert {event.caption: event.intervals for event in answer.events} == {s: i for s, i in expected.items() if i}
    streamed = [interval for update in updates if isinstance(update, Found) for interval in update.event.intervals]
    # The stream has each of them once too.
    assert sorted(streamed) == sorted(i for times in expected.values() for i in times)
    assert all(interval.end <= whole.end for interval in streamed)
    assert sum(answer.num_completion_tokens for answer in answers) == 7 * len(passes) * len(answers)
    [encoded] = [update for update in updates if isinstance(update, Encoded)]
    assert encoded.encode_s == pytest.approx(0.1 * len(passes))
    assert encoded.num_audio_tokens == sum(p.length for p in passes)
