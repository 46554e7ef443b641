"""What was heard, and when."""

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
