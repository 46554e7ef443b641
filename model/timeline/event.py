"""Events: what happens in a recording, and when."""

from collections.abc import Iterable
from dataclasses import dataclass

from model.timeline.interval import Interval


@dataclass(frozen=True, slots=True)
class Event:
    """One or more intervals and their caption.

    The intervals are in the order in which the answer names them. In grounding the caption is empty.

    Raises:
        ValueError: `intervals` is empty.
    """

    intervals: tuple[Interval, ...]
    caption: str

    def __post_init__(self) -> None:
        if not self.intervals:
            raise ValueError("An event needs at least one interval.")

    def shift(self, tenths: int) -> "Event":
        """Return the event moved later (or, below zero, earlier).

        Raises:
            ValueError: it would start before the recording does.
        """
        return Event(tuple(interval.shift(tenths) for interval in self.intervals), self.caption)


def by_caption(events: Iterable[Event]) -> list[Event]:
    """Merge events with the same caption at the position of the first, with their intervals sorted by start.

    A model may list all of an event's times before its caption, or repeat the caption with each time. Overlapping
    intervals describe one sound: keep the one with the higher confidence or, if either has none, the union of both.
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
