"""Text scores. The usual libraries compute them; the tests check which of their numbers we use."""

import importlib.util
import shutil

import pytest

from tests.unit.metrics.meteor import needs_meteor
from training.metrics.text import Meteor, MetricUnavailable, rouge


def test_rouge_is_the_f1_of_stems_and_rouge_l_needs_them_in_order():
    score = rouge("the cat sat on the mat", "cats sat")
    # Two of two words and two of six: F1 = 2 * 1 * (1/3) / (4/3). The recall is 1/3; without stems one word matches.
    assert (score.one, score.longest) == pytest.approx((0.5, 0.5))
    score = rouge("a dog barks loudly", "loudly barks a dog")
    assert (score.one, score.longest) == pytest.approx((1.0, 0.5))  # "a dog"
    assert rouge("a dog", "").one == 0.0


def test_the_error_names_what_meteor_needs(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MetricUnavailable, match="needs Java"):
        Meteor()
    monkeypatch.undo()
    if shutil.which("java"):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(MetricUnavailable, match="pip install"):
            Meteor()


@needs_meteor
def test_meteor_equals_that_of_coco_captions():
    from pycocoevalcap.meteor.meteor import Meteor as Theirs

    pairs = [("a dog barks in the rain", "the dog is barking"), ("wind blows", "a wind gust"), ("a man talks", "music")]
    theirs = Theirs()
    expected, each = theirs.compute_score(
        dict(enumerate([[r] for r, _ in pairs])), dict(enumerate([[p] for _, p in pairs]))
    )
    theirs.meteor_p.kill()
    theirs.meteor_p.wait()
    for stream in (theirs.meteor_p.stdin, theirs.meteor_p.stdout, theirs.meteor_p.stderr):
        stream.close()
    with Meteor() as ours:
        statistics = [ours.statistics(*pair) for pair in pairs]
        assert ours.score(statistics) == pytest.approx(expected)
        assert [ours.score([s]) for s in statistics] == pytest.approx(each)
        assert ours.score(statistics) != pytest.approx(sum(each) / 3, abs=1e-3), "not the mean of the texts"
        assert ours.score([]) == 0.0
