"""An answer as lines that people read: times in seconds, then words."""

from collections.abc import Iterable

from timeaudio.formats.tracks import one_line
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, Interval, Summary


def prose(answer: AnyAnswer) -> str:
    """One line per event, query or segment; the answer to a question as it is.

    0.0 - 2.5 s, 3.2 - 8.0 s: A dog barks.
    a dog barks: 0.2 - 2.7 s
    rain: not heard
    """
    if isinstance(answer, DenseCaption):
        lines = [f"{_times(event.intervals)}: {one_line(event.caption)}" for event in answer.events]
        return "\n".join(lines) or "No sound events are heard."
    if isinstance(answer, Grounding):
        return "\n".join(
            f"{one_line(found.query)}: {_times(found.intervals) if found.present else 'not heard'}"
            for found in answer.results
        )
    if isinstance(answer, Summary):
        lines = [f"{_times([segment])}: {one_line(segment.summary)}" for segment in answer.segments]
        return "\n".join(lines) or "No speech is heard."
    return answer.answer


def _times(intervals: Iterable[Interval]) -> str:
    return ", ".join(f"{interval.start:.1f} - {interval.end:.1f} s" for interval in intervals)
