"""Intervals of time, and how much two sets of them agree."""

from collections.abc import Iterable
from dataclasses import dataclass

TENTHS_PER_SECOND = 10


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A half-open stretch of time `[start, end)` that is never empty.

    Units: tenths of a second, integers, from the start of the recording.

    Raises:
        ValueError: unless 0 <= start < end.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"An interval needs 0 <= start < end, in tenths; got {self.start} and {self.end}.")

    @property
    def length(self) -> int:
        """How long it lasts. Units: tenths."""
        return self.end - self.start

    @property
    def start_s(self) -> float:
        """Where it starts. Units: seconds, rounded to 0.1."""
        return round(self.start / TENTHS_PER_SECOND, 1)

    @property
    def end_s(self) -> float:
        """Where it ends. Units: seconds, rounded to 0.1."""
        return round(self.end / TENTHS_PER_SECOND, 1)

    def overlap(self, other: "Interval") -> int:
        """The time that both cover; 0 where they only touch. Units: tenths."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))

    def iou(self, other: "Interval") -> float:
        """Shared time over time covered by either, 0.0 to 1.0."""
        shared = self.overlap(other)
        return shared / (self.length + other.length - shared)

    def shift(self, tenths: int) -> "Interval":
        """The same interval later (or, below zero, earlier).

        Raises:
            ValueError: it would start before the recording does.
        """
        return Interval(self.start + tenths, self.end + tenths)

    def clip(self, limit: int) -> "Interval | None":
        """The part of it before `limit` (tenths), or None where nothing is left."""
        return None if self.start >= limit else Interval(self.start, min(self.end, limit))


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as disjoint intervals in order; those that touch or overlap are merged."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def set_iou(a: Iterable[Interval], b: Iterable[Interval]) -> float:
    """Time covered by both sets over time covered by either, 0.0 to 1.0.

    Overlaps inside one set count once. Two empty sets agree: 1.0.
    """
    ours, theirs = union(a), union(b)
    shared = sum(x.overlap(y) for x in ours for y in theirs)
    either = sum(x.length for x in ours) + sum(y.length for y in theirs) - shared
    return shared / either if either else 1.0
