"""Write an answer as plain lines: times in seconds, then text."""

from collections.abc import Iterable

from timeaudio.labels import one_line
from timeaudio.results import (
    AnyAnswer,
    CaptionedEvent,
    DenseCaption,
    Grounding,
    GroundingResult,
    Interval,
    Summary,
    SummarySegment,
)


def prose(answer: AnyAnswer) -> str:
    """Write one line per event, query or segment, or the answer to a question unchanged.

    0.0 - 2.5 s, 3.2 - 8.0 s: A dog barks.
    a dog barks: 0.2 - 2.7 s
    rain: not heard
    """
    if isinstance(answer, DenseCaption):
        return "\n".join(map(line, answer.events)) or "No sound events are heard."
    if isinstance(answer, Grounding):
        return "\n".join(map(line, answer.results))
    if isinstance(answer, Summary):
        return "\n".join(map(line, answer.segments)) or "No speech is heard."
    return answer.answer


def line(piece: CaptionedEvent | GroundingResult | SummarySegment) -> str:
    """Write the line of one event, query or segment."""
    if isinstance(piece, CaptionedEvent):
        return f"{_times(piece.intervals)}: {one_line(piece.caption)}"
    if isinstance(piece, GroundingResult):
        return f"{one_line(piece.query)}: {_times(piece.intervals) if piece.present else 'not heard'}"
    return f"{_times([piece])}: {one_line(piece.summary)}"


def _times(intervals: Iterable[Interval]) -> str:
    return ", ".join(f"{interval.start:.1f} - {interval.end:.1f} s" for interval in intervals)
