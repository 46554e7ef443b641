"""Score groundings: how well the intervals of a query fit, and whether absent queries are recognised.

The paper's "mIoU" column is not a mean IoU: in 12 of its 13 rows it equals (R@0.5 + R@0.7 + R@0.9) / 3 within
rounding. This module has both numbers. Compare `mean_recall` with that column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.timeline.interval import Interval, set_iou

Span = tuple[float, float]

# Whole microseconds make an IoU a ratio of integers, so that 7/10 reaches the threshold 0.7.
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ScoredGrounding:
    """One query: its true spans (none if it is absent) and the spans in the answer.

    Units: spans are (start, end) in seconds.
    Raises:
        ValueError: a span starts below zero or does not end after its start.
    """

    reference: tuple[Span, ...]
    predicted: tuple[Span, ...]

    def __post_init__(self) -> None:
        intervals_of(self.reference)
        intervals_of(self.predicted)

    @property
    def is_present(self) -> bool:
        """Whether the query occurs in the recording."""
        return bool(self.reference)

    @property
    def is_answered(self) -> bool:
        """Whether the answer names any span."""
        return bool(self.predicted)

    @property
    def iou(self) -> float:
        """Set IoU: time in both over time in either. How the time is divided into spans does not matter."""
        return set_iou(intervals_of(self.reference), intervals_of(self.predicted))


@dataclass(frozen=True, slots=True)
class GroundingScores:
    """Scores over queries, 0 to 1; None where there is no query to score.

    | field | over | meaning |
    |---|---|---|
    | `miou` | present queries | mean set IoU; an unanswered one has 0 |
    | `recall_50`, `_70`, `_90` | present queries | share with set IoU >= 0.5, 0.7, 0.9 |
    | `present_accuracy` | present queries | share that got any span |
    | `absent_accuracy` | absent queries | share that got none; 1 - the false-alarm rate |

    The first two rows never include absent queries: the IoU with a correct, empty answer would be 1 by convention.
    """

    num_present: int
    num_absent: int
    miou: float | None
    recall_50: float | None
    recall_70: float | None
    recall_90: float | None
    present_accuracy: float | None
    absent_accuracy: float | None

    @property
    def mean_recall(self) -> float | None:
        """(R@0.5 + R@0.7 + R@0.9) / 3, which the paper prints as "mIoU"."""
        if self.recall_50 is None or self.recall_70 is None or self.recall_90 is None:
            return None
        return (self.recall_50 + self.recall_70 + self.recall_90) / 3


def score_grounding(queries: Sequence[ScoredGrounding]) -> GroundingScores:
    """Score a list of queries, present and absent ones mixed."""
    present = [query for query in queries if query.is_present]
    absent = [query for query in queries if not query.is_present]
    ious = [query.iou for query in present]
    return GroundingScores(
        num_present=len(present),
        num_absent=len(absent),
        miou=_mean(ious),
        recall_50=_mean([iou >= 0.5 for iou in ious]),
        recall_70=_mean([iou >= 0.7 for iou in ious]),
        recall_90=_mean([iou >= 0.9 for iou in ious]),
        present_accuracy=_mean([query.is_answered for query in present]),
        absent_accuracy=_mean([not query.is_answered for query in absent]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def intervals_of(spans: Sequence[Span]) -> list[Interval]:
    """Return spans in seconds as intervals whose unit is the microsecond; an `Interval` only needs integers."""
    return [Interval(round(start * _MICROSECONDS), round(end * _MICROSECONDS)) for start, end in spans]
