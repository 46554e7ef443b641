"""Grounding scores, computed by hand. In each case a plausible wrong definition would give another number."""

import pytest

from training.metrics.grounding import ScoredGrounding, score_grounding

ABSENT_RIGHT, ABSENT_WRONG = ScoredGrounding((), ()), ScoredGrounding((), ((1.0, 2.0),))
UNANSWERED = ScoredGrounding(((1.0, 2.0),), ())


def with_iou(tenths: int) -> ScoredGrounding:
    return ScoredGrounding(((0.0, 1.0),), ((0.0, tenths / 10),))


def test_iou_is_computed_over_sets_of_intervals() -> None:
    # The best pair has 1.0; the mean of the best per reference is 0.5; the mean over pairs is 0.25.
    assert ScoredGrounding(((0.0, 1.0), (5.0, 8.0)), ((0.0, 1.0), (2.0, 3.0))).iou == pytest.approx(1 / 5)
    # Splitting an interval does not change it.
    assert ScoredGrounding(((0.0, 4.0),), ((0.0, 1.0), (1.0, 4.0))).iou == 1.0
    assert ScoredGrounding(((0.0, 4.0),), ((0.0, 3.0), (1.0, 4.0))).iou == 1.0  # counting overlaps twice: 6/4
    assert ScoredGrounding(((0.0, 4.0), (0.0, 4.0)), ((0.0, 2.0),)).iou == 0.5
    # Adjacent intervals do not overlap, and references are not rounded to tenths.
    assert ScoredGrounding(((0.0, 1.0),), ((1.0, 2.0),)).iou == 0.0
    assert ScoredGrounding(((0.0, 0.25),), ((0.0, 0.2),)).iou == pytest.approx(0.8)  # in tenths: 1.0 or 0.667


def test_mean_iou_recalls_and_mean_recall() -> None:
    scores = score_grounding([with_iou(10), with_iou(8), with_iou(6), with_iou(1)])
    assert scores.miou == pytest.approx(2.5 / 4)
    assert (scores.recall_50, scores.recall_70, scores.recall_90) == (3 / 4, 2 / 4, 1 / 4)
    assert scores.mean_recall == pytest.approx(0.5)


def test_an_iou_equal_to_a_threshold_counts() -> None:
    for tenths, expected in [(5, (1, 0, 0)), (7, (1, 1, 0)), (9, (1, 1, 1))]:
        scores = score_grounding([with_iou(tenths)])
        assert (scores.recall_50, scores.recall_70, scores.recall_90) == expected
    for tenths in (49, 69, 89):
        below = score_grounding([ScoredGrounding(((0.0, 10.0),), ((0.0, tenths / 10),))])
        assert below.mean_recall == pytest.approx(sum(tenths >= 10 * t for t in (5, 7, 9)) / 3)
    for start in range(0, 5000, 61):  # whatever the rounding of floats
        query = ScoredGrounding(((start / 10, (start + 10) / 10),), ((start / 10, (start + 7) / 10),))
        assert score_grounding([query]).recall_70 == 1.0


def test_absent_queries_do_not_raise_the_iou_and_unanswered_ones_lower_it() -> None:
    scores = score_grounding([with_iou(5), ABSENT_RIGHT, ABSENT_RIGHT, ABSENT_RIGHT])
    assert scores.miou == 0.5  # 0.875 if correct empty answers counted as 1
    assert scores.recall_50 == 1.0
    assert scores.recall_70 == 0.0
    assert (scores.num_present, scores.num_absent) == (1, 3)
    scores = score_grounding([with_iou(10), UNANSWERED])
    assert (scores.miou, scores.recall_50) == (0.5, 0.5)


def test_absence_and_presence_are_scored_separately() -> None:
    # Pooled, the accuracy would be 4 of 6.
    scores = score_grounding([ABSENT_RIGHT, ABSENT_WRONG, ABSENT_WRONG, with_iou(1), with_iou(10), with_iou(10)])
    assert scores.absent_accuracy == pytest.approx(1 / 3)
    assert scores.present_accuracy == 1.0
    assert score_grounding([UNANSWERED, with_iou(1)]).present_accuracy == 0.5


def test_scores_without_queries_are_none() -> None:
    scores = score_grounding([ABSENT_RIGHT])
    assert (scores.miou, scores.recall_50, scores.mean_recall, scores.present_accuracy) == (None, None, None, None)
    assert scores.absent_accuracy == 1.0
    assert score_grounding([with_iou(5)]).absent_accuracy is None


def test_an_interval_must_end_after_its_start() -> None:
    for span in [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0)]:
        with pytest.raises(ValueError, match="start < end"):
            ScoredGrounding((span,), ())
        with pytest.raises(ValueError, match="start < end"):
            ScoredGrounding((), (span,))
