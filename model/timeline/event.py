"""What was heard, and when."""

from collections.abc import Iterable
from dataclasses import dataclass

from model.timeline.interval import Interval


@dataclass(frozen=True, slots=True)
class Event:
    """One or more intervals and the words that belong to them.

    The intervals stand in the order in which the answer names them. The caption is empty where the task has
    none (grounding).

    Raises:
        ValueError: no interval.
    """

    intervals: tuple[Interval, ...]
    caption: str

    def __post_init__(self) -> None:
        if not self.intervals:
            raise ValueError("An event needs at least one interval.")

    def shift(self, tenths: int) -> "Event":
        """The same event later (or, below zero, earlier).

        Raises:
            ValueError: it would start before the recording does.
        """
        return Event(tuple(interval.shift(tenths) for interval in self.intervals), self.caption)


def by_caption(events: Iterable[Event]) -> list[Event]:
    """Events that are told in the same words as one, which stands where the first of them does, its times by start.

    A model may list an event's times before its caption, or tell the caption again with each of them. Times that
    overlap are tellings of one sound: the surer stands or, where it is not known which that is, the time of both.
    """
    times: dict[str, list[Interval]] = {}
    for event in events:
        times.setdefault(event.caption, []).extend(event.intervals)
    return [Event(tuple(_apart(some)), caption) for caption, some in times.items()]


def _apart(intervals: Iterable[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for interval in sorted(intervals):
        if not found or interval.start >= found[-1].end:
            found.append(interval)
            continue
        last = found[-1]
        if interval.confidence is None or last.confidence is None:
            found[-1] = last.until(interval)
        elif interval.confidence > last.confidence:
            found[-1] = interval
    return found
