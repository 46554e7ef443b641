"""Convert a result to the answer of its task. Pure functions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from model.engine.updates import Answered, Found, ParsedAnswer
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.markers import to_plain
from model.timeline.task import Task
from server.api.requests import InferenceResult
from server.workers.protocol import PassesDone, Update
from timeaudio import results
from timeaudio.results import AnyAnswer, Piece, Progress

_TENTHS = 10
_EMBEDDING_DECIMALS = 6
"""Every 32-bit float with up to six digits has one shortest decimal, so JSON and protobuf carry the same numbers."""


def dense_caption(result: InferenceResult) -> results.DenseCaption:
    """Return the events of the one answer."""
    events = (_event(event, result.start) for answer in result.answers for event in answer.events)
    return results.DenseCaption(**shared(result), events=tuple(events))


def ground(result: InferenceResult) -> results.Grounding:
    """Return one result per query."""
    return results.Grounding(
        **shared(result), results=tuple(_result(*numbered, result) for numbered in enumerate(result.answers))
    )


def summarize(result: InferenceResult) -> results.Summary:
    """Return one segment per interval, in the answer's order."""
    segments = (s for answer in result.answers for event in answer.events for s in _segments(event, result.start))
    return results.Summary(**shared(result), segments=tuple(segments))


def ask(result: InferenceResult) -> results.QuestionAnswer:
    """Return the text of the one answer and its intervals, both on the file's clock."""
    [question], [answer] = result.queries, result.answers
    intervals = _intervals(answer.intervals, result.start)
    return results.QuestionAnswer(
        **shared(result), question=question, answer=to_plain(answer.written, result.start), intervals=intervals
    )


PRESENTERS: Mapping[Task, Callable[[InferenceResult], AnyAnswer]] = {
    "dense_caption": dense_caption,
    "ground": ground,
    "summarize": summarize,
    "ask": ask,
}


def pieces(task: Task, result: InferenceResult, update: Update) -> Iterator[Piece | Progress]:
    """Yield what a stream says about an update: its progress, or the pieces that it adds to the answer.

    A piece is a complete captioned event or summary segment, an answered query, or an interval of a question's answer.
    All pieces in order make up the answer's events.
    """
    match task, update:
        case _, PassesDone(num_done, num_passes):
            yield Progress(passes_done=num_done, passes=num_passes)
        case "dense_caption", Found(_, event):
            yield _event(event, result.start)
        case "summarize", Found(_, event):
            yield from _segments(event, result.start)
        case "ask", Found(_, event):
            yield from _intervals(event.intervals, result.start)
        case "ground", Answered(index, answer):
            yield _result(index, answer, result)


def _event(event: Event, start: int) -> results.CaptionedEvent:
    return results.CaptionedEvent(intervals=_intervals(event.intervals, start), caption=event.caption)


def _segments(event: Event, start: int) -> Iterator[results.SummarySegment]:
    for interval in _intervals(event.intervals, start):
        yield results.SummarySegment(**dict(interval), summary=event.caption)


def _result(index: int, answer: ParsedAnswer, result: InferenceResult) -> results.GroundingResult:
    """Return the result of a query: all intervals of the answer belong to it."""
    return results.GroundingResult(
        query=result.queries[index], present=answer.present, intervals=_intervals(answer.intervals, result.start)
    )


def _intervals(intervals: Iterable[Interval], start: int) -> tuple[results.Interval, ...]:
    """Shift intervals to the file's clock: the analysed part begins at `start` tenths."""
    return spans_of(interval.shift(start) for interval in intervals)


def spans_of(intervals: Iterable[Interval]) -> tuple[results.Interval, ...]:
    """Convert intervals to seconds."""
    return tuple(
        results.Interval(start=i.start_s, end=i.end_s, confidence=i.confidence, embedding=_rounded(i.embedding))
        for i in intervals
    )


def _rounded(embedding: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return None if embedding is None else tuple(round(value, _EMBEDDING_DECIMALS) for value in embedding)


def beginning(result: InferenceResult) -> results.Beginning:
    """Return what is known before the first event."""
    return results.Beginning(id=result.id, model=result.model, audio=_audio(result))


def shared(result: InferenceResult) -> dict[str, Any]:
    """Return the fields that every answer carries."""
    return {
        "id": result.id,
        "model": result.model,
        "audio": _audio(result),
        "usage": results.Usage(
            audio_seconds=round(result.audio_s, 1),
            audio_tokens=result.num_audio_tokens,
            prompt_tokens=sum(answer.num_prompt_tokens for answer in result.answers),
            completion_tokens=sum(answer.num_completion_tokens for answer in result.answers),
        ),
        "timing": results.Timing(
            decode_s=_millis(result.decode_s),
            queue_s=_millis(result.queue_s),
            encode_s=_millis(result.encode_s),
            generate_s=_millis(result.generate_s),
            total_s=_millis(result.total_s),
        ),
    }


def _audio(result: InferenceResult) -> results.AudioInfo:
    return results.AudioInfo(
        duration=round(result.audio_s, 1), start=round(result.start / _TENTHS, 1), warnings=result.warnings
    )


def _millis(seconds: float) -> float:
    return round(seconds, 4)
