"""Write a row's answer as the model's target text, with times as markers."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from model.language.tokenizer import Tokenizer
from model.timeline.interval import Interval, union
from model.timeline.markers import format_interval, format_time, to_tenths
from training.data.answers import ABSENT, NO_EVENTS, NO_SPEECH, NOT_HEARD, TimeFormat, ground_answer
from training.data.manifest import Annotation, Row, Span


def to_interval(span: Span, duration: float) -> Interval:
    """Return a span in tenths of a second, at least one tenth long and inside the recording."""
    last = max(1, int(duration * 10 + 1e-6))
    start = min(to_tenths(round(span[0], 6)), last - 1)
    return Interval(start, max(start + 1, min(to_tenths(round(span[1], 6)), last)))


def intervals_of(event: Annotation, duration: float) -> list[Interval]:
    """Return an event's intervals in order of time; intervals that touch after rounding are merged."""
    return union(to_interval(span, duration) for span in event.intervals)


def target_text(
    row: Row,
    write: Callable[[Interval], str] = format_interval,
    write_time: Callable[[int], str] = format_time,
) -> str:
    """Return the answer's text. Events are ordered by first start; a grounding answer is one sentence.

    Raises:
        ValueError: the row has no duration.
    """
    if row.duration is None:
        raise ValueError(f"{row.id} has no duration: read it with read_manifest.")
    duration = row.duration
    if row.task == "ask":
        times = [
            write(to_interval(time, duration)) if isinstance(time, tuple) else write_time(to_tenths(round(time, 6)))
            for time in row.times
        ]
        return row.answer.format(*times)
    events = sorted(row.events, key=lambda event: min(event.intervals))
    if row.task == "ground":
        spans = union(interval for event in events for interval in intervals_of(event, duration))
        return ground_answer(spans, TimeFormat(write, write_time)) if spans else ABSENT
    nothing = NO_SPEECH if row.task == "summarize" else NO_EVENTS
    unit = "," if row.task == "summarize" else " seconds,"
    sentences = [f"{', '.join(map(write, intervals_of(e, duration)))}{unit} {e.caption.strip()}" for e in events]
    return " ".join(sentences) or nothing


PresenceTask = Literal["ground", "ask"]
"""Tasks whose answers may say that a sound does not occur."""


class PresenceIds(NamedTuple):
    """Ids of the tokens where answers diverge: those that lead to intervals, and the one for absent answers."""

    present: tuple[int, ...]
    absent: int


def presence_ids(tokenizer: Tokenizer, task: PresenceTask = "ground") -> PresenceIds:
    """Return the tokens where answers to queries diverge: "happens" and "does", after "The given query".

    Answers to questions diverge at the first token: "Yes" and "At" on one side, "No" on the other.
    """
    if task == "ask":
        yes, at, no = (tokenizer.encode(text)[0] for text in ("Yes, at", "At", NOT_HEARD))
        return PresenceIds((yes, at), no)
    present, absent = (tokenizer.encode(text) for text in (ground_answer([]), ABSENT))
    return next(PresenceIds((p,), a) for p, a in zip(present, absent, strict=False) if p != a)


def another_id(tokenizer: Tokenizer) -> int:
    """Return the id of the token that follows an interval and announces another one, in an answer to a query."""
    intervals = [Interval(0, 1), Interval(2, 3)]
    once, twice = (tokenizer.encode(ground_answer(some)) for some in (intervals[:1], intervals))
    return next(b for a, b in zip(once, twice, strict=False) if a != b)
