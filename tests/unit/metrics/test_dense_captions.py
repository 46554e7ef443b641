"""Dense captions are scored against human captions of the event at the same time."""

import pytest

from model.timeline.event import Event
from model.timeline.interval import Interval
from tests.unit.metrics.meteor import needs_meteor
from training.captioning import scene_captions
from training.data.paraphrases import paraphrases
from training.metrics.dense_captions import caption_meteor, pair_captions

DOG, RAIN = ("A dog is barking.", "The dog barks."), ("It rains heavily.",)


def test_a_caption_is_paired_with_the_event_at_its_time_whatever_it_says():
    truth = [((0.0, 4.0), DOG), ((6.0, 10.0), RAIN)]
    due = {
        (0.0, 4.0): DOG,
        (1.0, 3.0): DOG,  # IoU 0.5
        (1.0, 2.9): (),  # less
        (6.5, 10.0): RAIN,
        (3.9, 6.1): (),
    }
    found = {span: pair_captions([("A cat.", span)], truth) for span in due}
    assert found == {span: [("A cat.", captions)] for span, captions in due.items()}
    closer = [((0.0, 4.0), DOG), ((0.0, 5.0), RAIN)]
    assert pair_captions([("The dog barks.", (0.0, 4.8))], closer) == [("The dog barks.", RAIN)]


def test_every_interval_of_an_answer_is_scored_once():
    events = [Event((Interval(0, 40), Interval(60, 70)), "A dog barks.")]
    first, second = scene_captions(events, {"dog": [Interval(0, 40)], "some kind": [Interval(60, 70)]})
    assert first == ("A dog barks.", paraphrases()["dog"])
    assert second == ("A dog barks.", ())


@needs_meteor
def test_meteor_uses_the_best_reference_and_zero_without_an_event():
    right, wrong, nowhere = ("The dog barks.", DOG), ("The dog barks.", RAIN), ("The dog barks.", ())
    assert caption_meteor([right]) == pytest.approx(1.0)
    assert caption_meteor([nowhere]) == pytest.approx(0.0, abs=1e-6)
    assert caption_meteor([wrong]) < 0.2
    assert 0.3 < caption_meteor([right, nowhere]) < 0.9
    assert caption_meteor([]) == 0.0
