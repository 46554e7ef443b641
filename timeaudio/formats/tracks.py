"""Convert an answer of any task to the common form of all formats: named tracks of labelled spans. Pure.

    captions    one track; each interval of an event is a span with its caption
    grounding   one track per query, empty if it is absent
    summary     one track of consecutive spans
    answer      one track; without intervals in the answer, one span covers the whole analysed part

Units: integer milliseconds of the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from timeaudio.labels import LabelledInterval, one_line
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, Interval, Summary


@dataclass(frozen=True, slots=True)
class IntervalTrack:
    """Related spans, in order of time; they may overlap. `kind` says what each span is."""

    kind: str
    name: str
    spans: tuple[LabelledInterval, ...]


def tracks(answer: AnyAnswer) -> tuple[IntervalTrack, ...]:
    """Return the tracks of an answer: at least one, except for a grounding without queries."""
    if isinstance(answer, DenseCaption):
        spans = [span for event in answer.events for span in _spans(event.intervals, event.caption)]
        return (IntervalTrack("event", "events", _in_order(spans)),)
    if isinstance(answer, Grounding):
        return tuple(
            IntervalTrack("query", one_line(found.query), _in_order(_spans(found.intervals, found.query)))
            for found in answer.results
        )
    if isinstance(answer, Summary):
        spans = [span for segment in answer.segments for span in _spans([segment], segment.summary)]
        return (IntervalTrack("segment", "segments", _in_order(spans)),)
    whole = Interval(start=answer.audio.start, end=answer.audio.start + answer.audio.duration)
    return (
        IntervalTrack(
            "answer", one_line(answer.question), _in_order(_spans(answer.intervals or [whole], answer.answer))
        ),
    )


def spans(answer: AnyAnswer) -> list[LabelledInterval]:
    """Return all spans of all tracks, in order of time."""
    return list(_in_order([span for track in tracks(answer) for span in track.spans]))


def end_ms(answer: AnyAnswer) -> int:
    """Return the end of the analysed part of the file, at least the end of the last span."""
    whole = milliseconds(answer.audio.start + answer.audio.duration)
    return max([whole, 1, *(span.end_ms for span in spans(answer))])


def milliseconds(seconds: float) -> int:
    """Convert seconds to whole milliseconds."""
    return round(seconds * 1000)


def _spans(intervals: Iterable[Interval], words: str) -> list[LabelledInterval]:
    label = one_line(words)
    return [
        LabelledInterval(milliseconds(i.start), milliseconds(i.end), label, i.confidence, i.embedding)
        for i in intervals
    ]


def _in_order(found: Iterable[LabelledInterval]) -> tuple[LabelledInterval, ...]:
    return tuple(sorted(found, key=lambda span: (span.start_ms, span.end_ms)))
