"""From what was found to the answer that tells it. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from model.timeline.interval import Interval
from server.engine.protocol import Task
from server.inquiry import Analysis
from timeaudio import results
from timeaudio.results import AnyAnswer

_TENTHS = 10


def dense_caption(analysis: Analysis) -> results.DenseCaption:
    """The events of the one answer."""
    events = (
        results.CaptionedEvent(intervals=_intervals(event.intervals, analysis.start), caption=event.caption)
        for answer in analysis.answers
        for event in answer.events
    )
    return results.DenseCaption(**_shared(analysis), events=tuple(events))


def ground(analysis: Analysis) -> results.Grounding:
    """One result per query; all intervals of an answer belong to its query."""
    found = (
        results.GroundingResult(
            query=analysis.queries[answer.index],
            present=answer.present,
            intervals=_intervals((i for event in answer.events for i in event.intervals), analysis.start),
        )
        for answer in analysis.answers
    )
    return results.Grounding(**_shared(analysis), results=tuple(found))


def summarize(analysis: Analysis) -> results.Summary:
    """One segment per interval, in the answer's order."""
    segments = (
        results.SummarySegment(start=interval.start, end=interval.end, summary=event.caption)
        for answer in analysis.answers
        for event in answer.events
        for interval in _intervals(event.intervals, analysis.start)
    )
    return results.Summary(**_shared(analysis), segments=tuple(segments))


def ask(analysis: Analysis) -> results.QuestionAnswer:
    """The words of the one answer, and the intervals in them."""
    [question], [answer] = analysis.queries, analysis.answers
    intervals = _intervals((i for event in answer.events for i in event.intervals), analysis.start)
    return results.QuestionAnswer(**_shared(analysis), question=question, answer=answer.text, intervals=intervals)


PRESENTERS: Mapping[Task, Callable[[Analysis], AnyAnswer]] = {
    "dense_caption": dense_caption,
    "ground": ground,
    "summarize": summarize,
    "ask": ask,
}


def _intervals(intervals: Iterable[Interval], start: int) -> tuple[results.Interval, ...]:
    """On the file's clock: the part that was analysed begins at `start` tenths."""
    moved = (interval.shift(start) for interval in intervals)
    return tuple(results.Interval(start=interval.start_s, end=interval.end_s) for interval in moved)


def _shared(analysis: Analysis) -> dict[str, Any]:
    return {
        "id": analysis.id,
        "model": analysis.model,
        "audio": results.AudioInfo(duration=round(analysis.audio_s, 1), start=round(analysis.start / _TENTHS, 1)),
        "usage": results.Usage(
            audio_seconds=round(analysis.audio_s, 1),
            audio_tokens=analysis.num_audio_tokens,
            prompt_tokens=sum(answer.num_prompt_tokens for answer in analysis.answers),
            completion_tokens=sum(answer.num_completion_tokens for answer in analysis.answers),
        ),
        "timing": results.Timing(
            decode_s=_millis(analysis.decode_s),
            queue_s=_millis(analysis.queue_s),
            encode_s=_millis(analysis.encode_s),
            generate_s=_millis(analysis.generate_s),
            total_s=_millis(analysis.total_s),
        ),
    }


def _millis(seconds: float) -> float:
    return round(seconds, 4)
