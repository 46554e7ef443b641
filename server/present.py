"""Convert an analysis to the answer of its task. Pure functions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.markers import to_plain
from server.engine.protocol import Answered, Found, Task, Update
from server.inquiry import Analysis
from timeaudio import results
from timeaudio.results import AnyAnswer, Piece

_TENTHS = 10


def dense_caption(analysis: Analysis) -> results.DenseCaption:
    """Return the events of the one answer."""
    events = (_event(event, analysis.start) for answer in analysis.answers for event in answer.events)
    return results.DenseCaption(**shared(analysis), events=tuple(events))


def ground(analysis: Analysis) -> results.Grounding:
    """Return one result per query."""
    return results.Grounding(**shared(analysis), results=tuple(_result(a, analysis) for a in analysis.answers))


def summarize(analysis: Analysis) -> results.Summary:
    """Return one segment per interval, in the answer's order."""
    segments = (s for answer in analysis.answers for event in answer.events for s in _segments(event, analysis.start))
    return results.Summary(**shared(analysis), segments=tuple(segments))


def ask(analysis: Analysis) -> results.QuestionAnswer:
    """Return the text of the one answer and its intervals, both on the file's clock."""
    [question], [answer] = analysis.queries, analysis.answers
    intervals = _intervals((i for event in answer.events for i in event.intervals), analysis.start)
    return results.QuestionAnswer(
        **shared(analysis), question=question, answer=to_plain(answer.text, analysis.start), intervals=intervals
    )


PRESENTERS: Mapping[Task, Callable[[Analysis], AnyAnswer]] = {
    "dense_caption": dense_caption,
    "ground": ground,
    "summarize": summarize,
    "ask": ask,
}


def pieces(task: Task, analysis: Analysis, update: Update) -> Iterator[Piece]:
    """Yield the pieces that an update adds to the answer; all pieces in order make up the answer's events.

    A piece is a complete captioned event or summary segment, an answered query, or an interval of a question's answer.
    """
    match task, update:
        case "dense_caption", Found(_, event):
            yield _event(event, analysis.start)
        case "summarize", Found(_, event):
            yield from _segments(event, analysis.start)
        case "ask", Found(_, event):
            yield from _intervals(event.intervals, analysis.start)
        case "ground", Answered():
            yield _result(update, analysis)


def _event(event: Event, start: int) -> results.CaptionedEvent:
    return results.CaptionedEvent(intervals=_intervals(event.intervals, start), caption=event.caption)


def _segments(event: Event, start: int) -> Iterator[results.SummarySegment]:
    for interval in _intervals(event.intervals, start):
        yield results.SummarySegment(**dict(interval), summary=event.caption)


def _result(answer: Answered, analysis: Analysis) -> results.GroundingResult:
    """Return the result of a query: all intervals of the answer belong to it."""
    return results.GroundingResult(
        query=analysis.queries[answer.index],
        present=answer.present,
        intervals=_intervals((i for event in answer.events for i in event.intervals), analysis.start),
    )


def _intervals(intervals: Iterable[Interval], start: int) -> tuple[results.Interval, ...]:
    """Shift intervals to the file's clock: the analysed part begins at `start` tenths."""
    return spans_of(interval.shift(start) for interval in intervals)


def spans_of(intervals: Iterable[Interval]) -> tuple[results.Interval, ...]:
    """Convert intervals to seconds."""
    return tuple(results.Interval(start=i.start_s, end=i.end_s, confidence=i.confidence) for i in intervals)


def beginning(analysis: Analysis) -> results.Beginning:
    """Return what is known before the first event."""
    return results.Beginning(id=analysis.id, model=analysis.model, audio=_audio(analysis))


def shared(analysis: Analysis) -> dict[str, Any]:
    """Return the fields that every answer carries."""
    return {
        "id": analysis.id,
        "model": analysis.model,
        "audio": _audio(analysis),
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


def _audio(analysis: Analysis) -> results.AudioInfo:
    return results.AudioInfo(duration=round(analysis.audio_s, 1), start=round(analysis.start / _TENTHS, 1))


def _millis(seconds: float) -> float:
    return round(seconds, 4)
