"""Timelines, counts, calibration, PSDS and class names, worked by hand; the wrong definition beside each."""

import pytest

from training.metrics.calibration import Claim, expected_calibration_error
from training.metrics.counting import count_in, is_count_question
from training.metrics.detection import Detection, Truth, psds
from training.metrics.labels import label_of
from training.metrics.timelines import cover_iou, segment_iou

TALK = [(0.0, 10.0), (10.0, 20.0)]


def test_a_timeline_is_paired_segment_by_segment():
    assert segment_iou(TALK, TALK) == 1.0
    # One segment over all: IoU 0.5 with either, and one is left without a partner. Cover says 1.
    assert segment_iou(TALK, [(0.0, 20.0)]) == pytest.approx(0.25)
    assert cover_iou(TALK, [(0.0, 20.0)]) == 1.0
    # Taking each reference's best would give 0.5 here too, and pay nothing for the missing one.
    assert segment_iou([(0.0, 20.0)], TALK) == pytest.approx(0.25)


def test_a_segment_too_many_costs():
    # Over the references alone it would be 1.
    assert segment_iou(TALK, [*TALK, (25.0, 30.0)]) == pytest.approx(2 / 3)


def test_segments_are_paired_for_the_greatest_sum_not_in_order():
    shifted = [(0.0, 1.0), (1.0, 11.0), (11.0, 20.0)]
    # In order: (1/10 + 1/19 + 0) / 3. Paired: 9/11 and 9/10, and one without a partner.
    assert segment_iou(TALK, shifted) == pytest.approx((9 / 11 + 9 / 10) / 3)


def test_no_timeline_agrees_with_none_alone():
    assert segment_iou([], []) == cover_iou([], []) == 1.0
    assert segment_iou(TALK, []) == segment_iou([], TALK) == 0.0


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ("It occurs three times: 1.0 - 2.0 seconds.", 3),
        ("Twice.", 2),
        ("There are 12 of them", 12),
        ("<a_1><f_2> - <a_3><f_0> seconds, two times", 2),  # reading markers as digits would say 1
        ("At 2.5 seconds.", None),  # reading digits anywhere would say 2
        ("A dog barks.", None),
        ("None.", 0),
        ("Someone barks five times", 5),  # "one" inside a word is no number
    ],
)
def test_the_first_whole_number_is_the_count(answer, count):
    assert count_in(answer) == count


def test_counting_questions_are_known_by_their_words():
    assert is_count_question("How many times does a dog bark?")
    assert not is_count_question("How long does it last?")
    assert not is_count_question("For how many seconds is a dog heard?")


def test_calibration_error_is_weighed_by_how_many_are_in_a_bin():
    # Three at 0.95, all right: gap 0.05 each. One at 0.55, wrong: 0.55. An unweighed mean of the bins would be 0.3.
    claims = [Claim(0.95, True)] * 3 + [Claim(0.55, False)]
    assert expected_calibration_error(claims) == pytest.approx((3 * 0.05 + 0.55) / 4)


def test_within_a_bin_over_and_under_cancel_and_across_bins_they_do_not():
    # The mean of |confidence - right| would be 0.5 in both.
    assert expected_calibration_error([Claim(0.5, True), Claim(0.5, False)]) == pytest.approx(0.0)
    assert expected_calibration_error([Claim(0.9, False), Claim(0.1, True)]) == pytest.approx(0.9)


def test_bins_have_fifteenths_as_edges():
    # 2/15 and 0.19 share the third bin: |0.1333 + 0.19 - 1| / 2. With the edge in the bin below they would not.
    assert expected_calibration_error([Claim(2 / 15, True), Claim(0.19, False)]) == pytest.approx(
        (1 - 2 / 15 - 0.19) / 2
    )
    assert expected_calibration_error([Claim(1.0, True)]) == 0.0
    assert expected_calibration_error([]) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        Claim(1.1, True)


HOUR = 3600.0


def test_psds_counts_what_is_found_before_too_much_is_claimed():
    truths = [Truth("r", "dog", (0.0, 10.0)), Truth("r", "dog", (20.0, 30.0))]
    sure = Detection("r", "dog", (0.0, 9.0), 0.9)
    wrong = [Detection("r", "dog", (100.0 + n, 100.5 + n), 0.8) for n in range(50)]
    late = Detection("r", "dog", (20.0, 30.0), 0.7)
    # Up to 50 false ones an hour half is found, from there on all: (50 * 0.5 + 50 * 1) / 100.
    assert psds(truths, [sure, *wrong, late], HOUR) == pytest.approx(0.75)
    assert psds(truths, [sure, late], HOUR) == pytest.approx(1.0)
    assert psds(truths, [], HOUR) == 0.0


def test_psds_pieces_of_an_event_find_it_together_and_a_detection_must_lie_in_events():
    truths = [Truth("r", "dog", (0.0, 10.0))]
    halves = [Detection("r", "dog", (0.0, 4.0), 0.9), Detection("r", "dog", (4.0, 8.0), 0.9)]
    assert psds(truths, halves, HOUR) == pytest.approx(1.0)  # IoU of each would be 0.4
    assert psds(truths, halves[:1], HOUR) == 0.0
    wide = [Detection("r", "dog", (0.0, 15.0), 0.9)]  # covers it all, but only 10 of its 15 s are in it
    assert psds(truths, wide, HOUR) == 0.0
    assert psds(truths, [Detection("other", "dog", (0.0, 10.0), 0.9)], HOUR) == 0.0


def test_psds_takes_the_spread_of_classes_off():
    truths = [Truth("r", "dog", (0.0, 1.0)), Truth("r", "cat", (0.0, 1.0))]
    assert psds(truths, [Detection("r", "dog", (0.0, 1.0), 0.5)], HOUR) == 0.0  # the plain mean would be 0.5


LABELS = ["Dog", "Bark", "Male speech, man speaking", "Wind noise (microphone)", "Wind", "Church bell"]


@pytest.mark.parametrize(
    ("caption", "label"),
    [
        ("A man is speaking.", "Male speech, man speaking"),
        ("A dog barks.", "Dog"),
        ("Barking is audible.", "Bark"),
        ("Something hums.", None),
        ("The wind blows", "Wind"),  # all of one name, half of another
        ("Wind noise", "Wind noise (microphone)"),
        ("A bell rings in the distance", "Church bell"),  # half of the name is enough
        ("The sound is heard", None),  # fillers name nothing
    ],
)
def test_a_caption_is_of_the_class_whose_name_it_says(caption, label):
    assert label_of(caption, LABELS) == label
