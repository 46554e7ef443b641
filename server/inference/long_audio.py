"""Analyse a recording longer than one model pass: run each pass as its own request and merge the answers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from model.errors import AudioTooLong
from model.timeline.event import Event, by_caption
from model.timeline.interval import TENTHS_PER_SECOND, Interval
from model.timeline.markers import format_interval
from model.timeline.stitch import Stitcher, plan
from server.decoding.pool import Decoded
from server.inference.answer_limit import analyze_pass
from server.settings import Passes
from server.workers.protocol import (
    SAMPLES_PER_TENTH,
    AudioEncoded,
    Engine,
    EngineRequest,
    EventFound,
    LazySamples,
    PassesDone,
    QueryAnswered,
    RequestStarted,
    Task,
    Update,
)

AT_ONCE = 4
"""Passes of one recording in the engine at a time, per worker. They share its decoding steps, and other requests wait
behind no more than these."""
AT_FIRST = 1
"""The same until the first pass of a streamed answer has ended: passes that share steps all end late.
Results of queries are sent after the last pass, so they gain nothing."""


def cut(duration: int, task: Task, passes: Passes) -> list[Interval]:
    """Return the passes for `task` over a recording of `duration` tenths; one if it is short enough.

    Raises:
        AudioTooLong: a question about more than one pass. Counts, durations and orders cannot be merged from answers
            of passes.
    """
    if task in ("dense_caption", "ground"):
        longest = round(passes.seconds * TENTHS_PER_SECOND)
        return plan(duration, longest=longest, overlap=min(round(passes.overlap_s * TENTHS_PER_SECOND), longest // 2))
    longest = round(passes.whole_s * TENTHS_PER_SECOND)
    if task == "ask" and duration > longest:
        raise AudioTooLong(
            limit_s=longest / TENTHS_PER_SECOND,
            duration_s=duration / TENTHS_PER_SECOND,
            setting="TIMEAUDIO_PASSES__WHOLE_S; select a part with start and end",
        )
    return plan(duration, longest=longest, overlap=longest // 10)


class AnswerMerger:
    """Merges the answers of the passes into the answers for the whole recording.

    Args:
        passes: as returned by `cut`.
        task: the task of the request.
        num_answers: answers per pass: one per query, or one.
    """

    def __init__(self, passes: list[Interval], task: Task, num_answers: int) -> None:
        self._task = task
        self._is_one = len(passes) == 1
        self._stitchers = [Stitcher(passes, clips=task == "summarize") for _ in range(num_answers)]
        self._answers = [_blank(index) for index in range(num_answers)]

    def add(self, part: QueryAnswered) -> list[Event]:
        """Add a pass's answer and return the events that are now final. Add the answers to a query in pass order."""
        events = self._stitchers[part.index].add(part.events)
        self._answers[part.index] = part if self._is_one else _added(self._answers[part.index], part, events)
        return events

    def answers(self) -> list[QueryAnswered]:
        """Return all answers, after the last pass. The answer of a single pass is unchanged."""
        return self._answers if self._is_one else [_whole(answer, self._task) for answer in self._answers]


@dataclass(slots=True)
class _PassResult:
    """The result of one pass."""

    encoded: AudioEncoded = AudioEncoded(0.0, 0)
    answers: list[QueryAnswered] = field(default_factory=list)


def analyze_recording(
    engine: Engine, request: EngineRequest, decoded: Decoded, passes: list[Interval], slot_tokens: int
) -> AsyncGenerator[Update, None]:
    """Yield the updates of a decoded recording, in one pass or in several.

    Args:
        engine: runs the passes.
        request: the request, without samples.
        decoded: the samples.
        passes: as returned by `cut`.
        slot_tokens: see `analyze_pass`.
    """
    if len(passes) == 1:
        return analyze_pass(engine, replace(request, samples=decoded.samples(0, decoded.num_samples)), slot_tokens)

    def samples(span: Interval) -> LazySamples:
        is_last = span.end == passes[-1].end  # include the last partial tenth
        end = decoded.num_samples if is_last else span.end * SAMPLES_PER_TENTH
        return decoded.samples(span.start * SAMPLES_PER_TENTH, end)

    return analyze_passes(engine, request, passes, samples, slot_tokens)


async def analyze_passes(
    engine: Engine,
    request: EngineRequest,
    passes: list[Interval],
    samples: Callable[[Interval], LazySamples],
    slot_tokens: int,
) -> AsyncGenerator[Update, None]:
    """Yield the updates of a long recording, as `Engine.analyze` does for a short one.

    Events are yielded as soon as they are final; the answer lists them in order of time. PassesDone comes when the
    model starts, and after the events of each pass. If the engine loses a worker, it runs the lost passes again.

    Args:
        engine: runs the passes.
        request: the request, without samples.
        passes: in tenths of the recording, as returned by `cut`.
        samples: returns the samples of one pass.
        slot_tokens: see `analyze_pass`.
    """
    started: asyncio.Future[RequestStarted] = asyncio.get_running_loop().create_future()
    todo = iter(enumerate(passes))
    running: deque[asyncio.Task[_PassResult]] = deque()
    whole, total, announced = AnswerMerger(passes, request.task, len(request.queries) or 1), AudioEncoded(0.0, 0), False
    try:
        for num_done in range(len(passes)):
            is_first = request.is_streamed and request.task != "ground" and num_done == 0
            most = AT_FIRST if is_first else AT_ONCE * max(1, engine.num_workers)
            for number, span in _up_to(todo, most - len(running)):
                part = replace(
                    request,
                    id=f"{request.id}-{number}",
                    samples=samples(span),
                    is_streamed=False,
                    num_passes=len(passes),
                )
                running.append(asyncio.create_task(_run_pass(analyze_pass(engine, part, slot_tokens), started)))
            if not announced:
                await asyncio.wait((started, running[0]), return_when=asyncio.FIRST_COMPLETED)
                announced = started.done()
                if announced:
                    yield started.result()
                    yield PassesDone(num_done, len(passes))
            result = await running[0]
            running.popleft()
            total = AudioEncoded(
                total.encode_s + result.encoded.encode_s, total.num_audio_tokens + result.encoded.num_audio_tokens
            )
            for answer in result.answers:
                for event in whole.add(answer):
                    yield EventFound(answer.index, event)
            yield PassesDone(num_done + 1, len(passes))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    yield total
    for answer in whole.answers():
        yield answer


async def _run_pass(part: AsyncGenerator[Update, None], started: asyncio.Future[RequestStarted]) -> _PassResult:
    result = _PassResult()
    async with aclosing(part) as updates:
        async for update in updates:
            match update:
                case RequestStarted() if not started.done():
                    started.set_result(update)
                case AudioEncoded():
                    result.encoded = update
                case QueryAnswered():
                    result.answers.append(update)
    return result


def _up_to(todo: Iterator[tuple[int, Interval]], most: int) -> Iterator[tuple[int, Interval]]:
    for _ in range(most):
        if (item := next(todo, None)) is None:
            return
        yield item


def _blank(index: int) -> QueryAnswered:
    return QueryAnswered(
        index=index, events=(), text="", present=False, num_prompt_tokens=0, num_completion_tokens=0, generate_s=0.0
    )


def _added(whole: QueryAnswered, part: QueryAnswered, events: list[Event]) -> QueryAnswered:
    return replace(
        whole,
        events=(*whole.events, *events),
        num_prompt_tokens=whole.num_prompt_tokens + part.num_prompt_tokens,
        num_completion_tokens=whole.num_completion_tokens + part.num_completion_tokens,
        generate_s=whole.generate_s + part.generate_s,
        num_interventions=whole.num_interventions + part.num_interventions,
        is_cut=whole.is_cut or part.is_cut,
    )


def _whole(answer: QueryAnswered, task: Task) -> QueryAnswered:
    events = sorted(answer.events, key=lambda event: min(event.intervals))
    if task in ("dense_caption", "ground"):
        events = by_caption(events)  # the stitcher returns an event of several passes in parts
    text = "\n".join(
        ", ".join(map(format_interval, event.intervals)) + f". {event.caption}".rstrip(". ") + "." for event in events
    )
    return replace(answer, events=tuple(events), text=text, present=bool(events))
