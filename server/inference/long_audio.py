"""Analyse a recording longer than one model pass: run each pass as its own request and merge the answers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from model.engine.updates import Answered, Encoded, Found, ParsedAnswer, Started
from model.errors import AudioTooLong
from model.task_params import TaskParams
from model.timeline.event import Event, by_caption
from model.timeline.interval import TENTHS_PER_SECOND, Interval
from model.timeline.markers import format_interval
from model.timeline.stitch import Join, Stitcher, join_sections, join_sounds, plan
from model.timeline.task import Task
from model.timeline.transcript import join_transcripts
from server.decoding.pool import Decoded
from server.settings import Passes
from server.workers.protocol import SAMPLES_PER_TENTH, Engine, EngineRequest, LazySamples, PassesDone, Update

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
        params: the task of the request and its queries; a pass has one answer per query, or one.
    """

    def __init__(self, passes: list[Interval], params: TaskParams) -> None:
        num_answers = len(params.queries) or 1
        self._task = params.task
        self._is_one = len(passes) == 1
        self._stitchers = [Stitcher(passes, _join(params)) for _ in range(num_answers)]
        self._answers = [ParsedAnswer((), "", 0, 0)] * num_answers

    def add(self, index: int, part: ParsedAnswer) -> list[Event]:
        """Add a pass's answer to query number `index`, in pass order, and return the events that are now final."""
        events = self._stitchers[index].add(part.events)
        self._answers[index] = part if self._is_one else _added(self._answers[index], part, events)
        return events

    def answers(self) -> list[ParsedAnswer]:
        """Return all answers, after the last pass. The answer of a single pass is unchanged."""
        return self._answers if self._is_one else [_whole(answer, self._task) for answer in self._answers]


@dataclass(slots=True)
class _PassResult:
    """The result of one pass."""

    encoded: Encoded = Encoded(0.0, 0)
    answers: list[Answered] = field(default_factory=list)


def analyze_recording(
    engine: Engine, request: EngineRequest, decoded: Decoded, passes: list[Interval]
) -> AsyncGenerator[Update, None]:
    """Yield the updates of a decoded recording, in one pass or in several.

    Args:
        engine: runs the passes.
        request: the request, without samples.
        decoded: the samples.
        passes: as returned by `cut`.
    """
    if len(passes) == 1:
        return engine.analyze(replace(request, samples=decoded.samples(0, decoded.num_samples)))

    def samples(span: Interval) -> LazySamples:
        is_last = span.end == passes[-1].end  # include the last partial tenth
        end = decoded.num_samples if is_last else span.end * SAMPLES_PER_TENTH
        return decoded.samples(span.start * SAMPLES_PER_TENTH, end)

    return analyze_passes(engine, request, passes, samples)


async def analyze_passes(
    engine: Engine,
    request: EngineRequest,
    passes: list[Interval],
    samples: Callable[[Interval], LazySamples],
) -> AsyncGenerator[Update, None]:
    """Yield the updates of a long recording, as `Engine.analyze` does for a short one.

    Events are yielded as soon as they are final; the answer lists them in order of time. PassesDone comes when the
    model starts, and after the events of each pass. If the engine loses a worker, it runs the lost passes again.

    Args:
        engine: runs the passes.
        request: the request, without samples.
        passes: in tenths of the recording, as returned by `cut`.
        samples: returns the samples of one pass.
    """
    params = replace(request.params, num_passes=len(passes))
    started: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
    todo = iter(enumerate(passes))
    running: deque[asyncio.Task[_PassResult]] = deque()
    whole, total, announced = AnswerMerger(passes, params), Encoded(0.0, 0), False
    try:
        for num_done in range(len(passes)):
            is_first = request.is_streamed and params.task != "ground" and num_done == 0
            most = AT_FIRST if is_first else AT_ONCE * max(1, engine.num_workers)
            for number, span in _up_to(todo, most - len(running)):
                part = replace(
                    request, id=f"{request.id}-{number}", params=params, samples=samples(span), is_streamed=False
                )
                running.append(asyncio.create_task(_run_pass(engine.analyze(part), started)))
            if not announced:
                await asyncio.wait((started, running[0]), return_when=asyncio.FIRST_COMPLETED)
                announced = started.done()
                if announced:
                    yield started.result()
                    yield PassesDone(num_done, len(passes))
            result = await running[0]
            running.popleft()
            total = Encoded(
                total.encode_s + result.encoded.encode_s, total.num_audio_tokens + result.encoded.num_audio_tokens
            )
            for answered in result.answers:
                for event in whole.add(answered.index, answered.answer):
                    yield Found(answered.index, event)
            yield PassesDone(num_done + 1, len(passes))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    yield total
    for index, answer in enumerate(whole.answers()):
        yield Answered(index, answer)


async def _run_pass(part: AsyncGenerator[Update, None], started: asyncio.Future[Started]) -> _PassResult:
    result = _PassResult()
    async with aclosing(part) as updates:
        async for update in updates:
            match update:
                case Started() if not started.done():
                    started.set_result(update)
                case Encoded():
                    result.encoded = update
                case Answered():
                    result.answers.append(update)
    return result


def _up_to(todo: Iterator[tuple[int, Interval]], most: int) -> Iterator[tuple[int, Interval]]:
    for _ in range(most):
        if (item := next(todo, None)) is None:
            return
        yield item


def _added(whole: ParsedAnswer, part: ParsedAnswer, events: list[Event]) -> ParsedAnswer:
    return replace(
        whole,
        events=(*whole.events, *events),
        num_prompt_tokens=whole.num_prompt_tokens + part.num_prompt_tokens,
        num_completion_tokens=whole.num_completion_tokens + part.num_completion_tokens,
        generate_s=whole.generate_s + part.generate_s,
        num_interventions=whole.num_interventions + part.num_interventions,
        is_cut=whole.is_cut or part.is_cut,
    )


def _join(params: TaskParams) -> Join:
    if params.task != "summarize":
        return join_sounds
    return join_transcripts if params.verbatim else join_sections


def _whole(answer: ParsedAnswer, task: Task) -> ParsedAnswer:
    events = sorted(answer.events, key=lambda event: min(event.intervals))
    if task in ("dense_caption", "ground"):
        events = by_caption(events)  # the stitcher returns an event of several passes in parts
    text = "\n".join(
        ", ".join(map(format_interval, event.intervals)) + f". {event.caption}".rstrip(". ") + "." for event in events
    )
    return replace(answer, events=tuple(events), written=text)
