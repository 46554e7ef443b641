"""From what was found to the JSON that tells it. Pure."""

from collections.abc import Iterable

from model.timeline.interval import Interval
from server import schema
from server.service import Analysis

_TENTHS = 10


def dense_caption(analysis: Analysis) -> schema.DenseCaptionAnswer:
    """The events of the one answer."""
    events = [
        schema.Event(intervals=_intervals(event.intervals, analysis.start), caption=event.caption)
        for answer in analysis.answers
        for event in answer.events
    ]
    return schema.DenseCaptionAnswer(**_common(analysis), events=events)


def ground(analysis: Analysis) -> schema.GroundAnswer:
    """One result per query; all intervals of an answer belong to its query."""
    results = [
        schema.GroundingResult(
            query=analysis.queries[answer.index],
            present=answer.present,
            intervals=_intervals((i for event in answer.events for i in event.intervals), analysis.start),
        )
        for answer in analysis.answers
    ]
    return schema.GroundAnswer(**_common(analysis), results=results)


def _intervals(intervals: Iterable[Interval], start: int) -> list[schema.Interval]:
    """On the file's clock: the part that was analysed begins at `start` tenths."""
    moved = (interval.shift(start) for interval in intervals)
    return [schema.Interval(start=interval.start_s, end=interval.end_s) for interval in moved]


def _common(analysis: Analysis) -> dict[str, object]:
    return {
        "id": analysis.id,
        "model": analysis.model,
        "audio": schema.Audio(duration=round(analysis.audio_s, 1), start=round(analysis.start / _TENTHS, 1)),
        "usage": schema.Usage(
            audio_seconds=round(analysis.audio_s, 1),
            audio_tokens=analysis.num_audio_tokens,
            prompt_tokens=sum(answer.num_prompt_tokens for answer in analysis.answers),
            completion_tokens=sum(answer.num_completion_tokens for answer in analysis.answers),
        ),
        "timing": schema.Timing(
            decode_s=_millis(analysis.decode_s),
            queue_s=_millis(analysis.queue_s),
            encode_s=_millis(analysis.encode_s),
            generate_s=_millis(analysis.generate_s),
            total_s=_millis(analysis.total_s),
        ),
    }


def _millis(seconds: float) -> float:
    return round(seconds, 4)
