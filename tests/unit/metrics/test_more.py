"""Timelines, counts, calibration, PSDS and class names, computed by hand, with the results of wrong definitions."""

import pytest

from training.metrics.calibration import CalibrationSample, expected_calibration_error
from training.metrics.counting import count_in, is_count_question
from training.metrics.detection import Detection, Truth, psds
from training.metrics.labels import label_of
from training.metrics.timelines import cover_iou, segment_iou

TALK = [(0.0, 10.0), (10.0, 20.0)]


def test_a_timeline_is_paired_segment_by_segment():
    assert segment_iou(TALK, TALK) == 1.0
    # One segment over everything: IoU 0.5 with either, and one reference has no partner. The cover IoU is 1.
    assert segment_iou(TALK, [(0.0, 20.0)]) == pytest.approx(0.25)
    assert cover_iou(TALK, [(0.0, 20.0)]) == 1.0
    # The best per reference would give 0.5, without a penalty for the missing one.
    assert segment_iou([(0.0, 20.0)], TALK) == pytest.approx(0.25)
    # Averaged over references, the score with an extra segment would be 1.
    assert segment_iou(TALK, [*TALK, (25.0, 30.0)]) == pytest.approx(2 / 3)
    shifted = [(0.0, 1.0), (1.0, 11.0), (11.0, 20.0)]
    # In order: (1/10 + 1/19 + 0) / 3. Best pairing: 9/11 and 9/10, and one without a partner.
    assert segment_iou(TALK, shifted) == pytest.approx((9 / 11 + 9 / 10) / 3)
    # An empty timeline matches only an empty one.
    assert segment_iou([], []) == cover_iou([], []) == 1.0
    assert segment_iou(TALK, []) == segment_iou([], TALK) == 0.0


def test_the_first_whole_number_is_the_count():
    expected = {
        "It occurs three times: 1.0 - 2.0 seconds.": 3,
        "Twice.": 2,
        "There are 12 of them": 12,
        "<a_1><f_2> - <a_3><f_0> seconds, two times": 2,  # reading markers as digits would say 1
        "At 2.5 seconds.": None,  # reading digits anywhere would say 2
        "A dog barks.": None,
        "None.": 0,
        "Someone barks five times": 5,  # "one" inside a word is not a number
    }
    assert {answer: count_in(answer) for answer in expected} == expected
    assert is_count_question("How many times does a dog bark?")
    assert not is_count_question("How long does it last?")
    assert not is_count_question("For how many seconds is a dog heard?")


def test_calibration_error_weights_bins_by_their_size_and_errors_cancel_within_a_bin():
    # Three at 0.95, all correct: gap 0.05. One at 0.55, wrong: gap 0.55. An unweighted mean of the bins would be 0.3.
    claims = [CalibrationSample(0.95, True)] * 3 + [CalibrationSample(0.55, False)]
    assert expected_calibration_error(claims) == pytest.approx((3 * 0.05 + 0.55) / 4)
    # The mean of |confidence - correct| would be 0.5 and 0.9.
    within = [CalibrationSample(0.5, True), CalibrationSample(0.5, False)]
    assert expected_calibration_error(within) == pytest.approx(0.0)
    across = [CalibrationSample(0.9, False), CalibrationSample(0.1, True)]
    assert expected_calibration_error(across) == pytest.approx(0.9)


def test_the_edges_of_the_bins_are_fifteenths():
    # 2/15 and 0.19 are both in the third bin: |0.1333 + 0.19 - 1| / 2. The edge 2/15 does not belong to the second bin.
    assert expected_calibration_error(
        [CalibrationSample(2 / 15, True), CalibrationSample(0.19, False)]
    ) == pytest.approx((1 - 2 / 15 - 0.19) / 2)
    assert expected_calibration_error([CalibrationSample(1.0, True)]) == 0.0
    assert expected_calibration_error([]) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        CalibrationSample(1.1, True)


HOUR = 3600.0


def test_psds_integrates_recall_over_false_positives_per_hour():
    truths = [Truth("r", "dog", (0.0, 10.0)), Truth("r", "dog", (20.0, 30.0))]
    sure = Detection("r", "dog", (0.0, 9.0), 0.9)
    wrong = [Detection("r", "dog", (100.0 + n, 100.5 + n), 0.8) for n in range(50)]
    late = Detection("r", "dog", (20.0, 30.0), 0.7)
    # Up to 50 false positives per hour half is found, after that everything: (50 * 0.5 + 50 * 1) / 100.
    assert psds(truths, [sure, *wrong, late], HOUR) == pytest.approx(0.75)
    assert psds(truths, [sure, late], HOUR) == pytest.approx(1.0)
    assert psds(truths, [], HOUR) == 0.0


def test_psds_joins_parts_of_an_event_and_rejects_wide_detections():
    truths = [Truth("r", "dog", (0.0, 10.0))]
    halves = [Detection("r", "dog", (0.0, 4.0), 0.9), Detection("r", "dog", (4.0, 8.0), 0.9)]
    assert psds(truths, halves, HOUR) == pytest.approx(1.0)  # IoU of each would be 0.4
    assert psds(truths, halves[:1], HOUR) == 0.0
    wide = [Detection("r", "dog", (0.0, 15.0), 0.9)]  # covers the event, but only 10 of its 15 s overlap
    assert psds(truths, wide, HOUR) == 0.0
    assert psds(truths, [Detection("other", "dog", (0.0, 10.0), 0.9)], HOUR) == 0.0


def test_psds_subtracts_the_standard_deviation_over_classes():
    truths = [Truth("r", "dog", (0.0, 1.0)), Truth("r", "cat", (0.0, 1.0))]
    assert psds(truths, [Detection("r", "dog", (0.0, 1.0), 0.5)], HOUR) == 0.0  # the plain mean would be 0.5


LABELS = ["Dog", "Bark", "Male speech, man speaking", "Wind noise (microphone)", "Wind", "Church bell"]


def test_a_caption_belongs_to_the_class_that_it_names():
    for caption, label in [
        ("A man is speaking.", "Male speech, man speaking"),
        ("A dog barks.", "Dog"),
        ("Barking is audible.", "Bark"),
        ("Something hums.", None),
        ("The wind blows", "Wind"),  # the whole of one name, half of another
        ("Wind noise", "Wind noise (microphone)"),
        ("A bell rings in the distance", "Church bell"),  # half of the name is enough
        ("The sound is heard", None),  # filler words match no name
    ]:
        assert label_of(caption, LABELS) == label
