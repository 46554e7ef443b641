"""Intervals in tenths: bounds, overlap, and the IoU of sets."""

import itertools

import numpy as np
import pytest

from model.timeline.event import Event
from model.timeline.interval import Interval, set_iou, union


def covered(intervals: list[Interval]) -> set[int]:
    """Return every tenth of a second that the intervals cover (the slow version)."""
    return {tenth for interval in intervals for tenth in range(interval.start, interval.end)}


SMALL = [Interval(start, end) for start in range(5) for end in range(start + 1, 6)]


def test_an_interval_is_never_empty_reversed_or_negative() -> None:
    assert Interval(0, 1).length == 1
    for start, end in [(-1, 3), (3, 3), (4, 3), (-2, -1)]:
        with pytest.raises(ValueError, match="start < end"):
            Interval(start, end)
    with pytest.raises(ValueError, match="at least one interval"):
        Event((), "A dog barks.")


def test_seconds_are_numbers_with_one_decimal() -> None:
    for tenths in range(1, 100_001):
        assert str(Interval(0, tenths).end_s) == f"{tenths // 10}.{tenths % 10}"
    assert (Interval(3, 7).start_s, Interval(3, 7).end_s) == (0.3, 0.7)


def test_overlap_and_iou_equal_counting_tenths() -> None:
    for a, b in itertools.product(SMALL, SMALL):
        shared, either = covered([a]) & covered([b]), covered([a]) | covered([b])
        assert a.overlap(b) == len(shared)
        assert a.iou(b) == pytest.approx(len(shared) / len(either))


def test_union_and_set_iou_equal_counting_tenths() -> None:
    sets = [list(pair) for pair in itertools.product(SMALL, SMALL)]
    for a in sets:
        merged = union(a)
        assert covered(merged) == covered(a)
        assert all(x.end < y.start for x, y in itertools.pairwise(merged))
    for a, b in itertools.product(sets[::3], sets[::7]):
        assert set_iou(a, b) == pytest.approx(len(covered(a) & covered(b)) / len(covered(a) | covered(b)))
    parts = [Interval(5, 9), Interval(0, 5), Interval(1, 2), Interval(10, 11)]
    assert union(parts) == [Interval(0, 9), Interval(10, 11)]
    assert set_iou([], []) == 1.0
    assert set_iou([Interval(0, 1)], []) == set_iou([], [Interval(0, 1)]) == 0.0


def test_shift_keeps_the_length_and_the_embedding_and_rejects_negative_times() -> None:
    assert Interval(3, 5).shift(10) == Interval(13, 15)
    assert Interval(3, 5).shift(-3) == Interval(0, 2)
    with pytest.raises(ValueError, match="start < end"):
        Interval(3, 5).shift(-4)
    whole = Interval(0, 30, embedding=(1.0, 0.0))
    assert whole.shift(5).embedding == whole.embedding


def test_comparisons_are_by_start_then_end_and_ignore_embeddings() -> None:
    assert sorted([Interval(1, 3), Interval(0, 9), Interval(1, 2)]) == [Interval(0, 9), Interval(1, 2), Interval(1, 3)]
    whole = Interval(0, 30, embedding=(1.0, 0.0))
    assert whole == Interval(0, 30)
    assert hash(whole) == hash(Interval(0, 30))


def test_a_joined_embedding_is_the_direction_of_the_sum_weighted_by_length() -> None:
    east, north = Interval(0, 30, embedding=(1.0, 0.0)), Interval(30, 70, embedding=(0.0, 1.0))
    for whole in (east.until(north), union([north, east])[0]):
        assert whole.embedding == pytest.approx((0.6, 0.8))
    assert union([east, north, Interval(70, 100, embedding=(1.0, 0.0))])[0].embedding == pytest.approx(
        (0.6 * 70 + 30, 0.8 * 70) / np.hypot(0.6 * 70 + 30, 0.8 * 70)
    )
    assert east.until(Interval(10, 40)).embedding is None
    assert Interval(10, 40).until(east).embedding is None
    assert Interval(0, 5, embedding=(1.0,)).until(Interval(5, 10, embedding=(-1.0,))).embedding == (0.0,)
