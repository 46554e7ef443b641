"""Time intervals, and how much two sets of them agree."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

TENTHS_PER_SECOND = 10


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A non-empty half-open interval `[start, end)`.

    Units: tenths of a second, integers, from the start of the recording.

    Attributes:
        confidence: the probability that it is right, 0 to 1, or None if unknown. Comparisons ignore it.
        embedding: a vector of length 1 for what sounds in it (`model.evidence`), or None. Comparisons ignore it too.

    Raises:
        ValueError: unless 0 <= start < end.
    """

    start: int
    end: int
    confidence: float | None = field(default=None, compare=False)
    embedding: tuple[float, ...] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"An interval needs 0 <= start < end, in tenths; got {self.start} and {self.end}.")

    @property
    def length(self) -> int:
        """The length. Units: tenths."""
        return self.end - self.start

    @property
    def start_s(self) -> float:
        """The start. Units: seconds, rounded to 0.1."""
        return round(self.start / TENTHS_PER_SECOND, 1)

    @property
    def end_s(self) -> float:
        """The end. Units: seconds, rounded to 0.1."""
        return round(self.end / TENTHS_PER_SECOND, 1)

    @property
    def middle(self) -> int:
        """The middle, rounded down. Units: tenths."""
        return (self.start + self.end) // 2

    def overlap(self, other: "Interval") -> int:
        """Return the time that both cover; 0 if they only touch. Units: tenths."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))

    def iou(self, other: "Interval") -> float:
        """Return the shared time over the time covered by either, 0.0 to 1.0."""
        shared = self.overlap(other)
        return shared / (self.length + other.length - shared)

    def shift(self, tenths: int) -> "Interval":
        """Return the interval moved later (or, below zero, earlier).

        Raises:
            ValueError: it would start before the recording does.
        """
        return replace(self, start=self.start + tenths, end=self.end + tenths)

    def until(self, other: "Interval") -> "Interval":
        """Return the interval from this start to the later of both ends, with the lower of both confidences.

        Its embedding is the direction of the sum of both, weighted by length. If either confidence or embedding is
        unknown, so is the result's.
        """
        known = [i.confidence for i in (self, other) if i.confidence is not None]
        confidence = min(known) if len(known) == 2 else None
        return Interval(self.start, max(self.end, other.end), confidence, _joined_embedding(self, other))


def _joined_embedding(one: Interval, other: Interval) -> tuple[float, ...] | None:
    if one.embedding is None or other.embedding is None:
        return None
    total = [one.length * a + other.length * b for a, b in zip(one.embedding, other.embedding, strict=True)]
    norm = math.hypot(*total) or 1.0
    return tuple(value / norm for value in total)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Merge intervals that touch or overlap; return disjoint intervals in order."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = merged[-1].until(interval)
        else:
            merged.append(interval)
    return merged


def set_iou(a: Iterable[Interval], b: Iterable[Interval]) -> float:
    """Return the time covered by both sets over the time covered by either, 0.0 to 1.0.

    Overlaps inside one set count once. The IoU of two empty sets is 1.0.
    """
    ours, theirs = union(a), union(b)
    shared = sum(x.overlap(y) for x in ours for y in theirs)
    either = sum(x.length for x in ours) + sum(y.length for y in theirs) - shared
    return shared / either if either else 1.0
