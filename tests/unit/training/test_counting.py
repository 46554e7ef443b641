"""Scenes in which one kind occurs a given number of times, and answers that count it."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from model.pipeline import Decoding
from tests.small_recordings import RATE, pool_of
from training.counting import COUNTS, CountResult, accuracy, count_questions, counting_scene
from training.data.answers import NUMBERS
from training.data.vocabulary import vocabulary

POOL = pool_of("dog", "cat", "rain", seconds=0.5)


@pytest.mark.parametrize("count", COUNTS)
def test_the_kind_in_question_occurs_count_times(count):
    for seed in range(3):
        scene, kind = counting_scene(POOL, count, np.random.default_rng(seed))
        spans = sorted((e.start, e.end) for e in scene.events if e.kind == kind)
        assert len(spans) == count
        assert all(b[0] - a[1] >= RATE // 2 for a, b in zip(spans, spans[1:], strict=False))
        assert len(scene.samples) == 20 * RATE
        assert len(scene.events) <= count + 2


class Saying:
    """Says the same number, or the right one, to every question."""

    def __init__(self, number=None):
        self.number, self.questions, self.lengths = number, [], []

    def encode(self, waveform):
        self.lengths.append(waveform.num_samples)

    def answer(self, recording, task, question, decoding):
        self.questions.append(question)
        number = COUNTS[(len(self.questions) - 1) % 5] if self.number is None else self.number
        return SimpleNamespace(text=f"The given query happens in 1.0 - 2.0 seconds: {NUMBERS[number]} times.")


def test_who_counts_has_full_marks_and_who_always_says_two_a_fifth():
    for number, share in ((None, 1.0), (2, 0.2)):
        results = count_questions(Saying(number), POOL, each=2, seed=0, decoding=Decoding())
        assert [c.count for c in results] == [*COUNTS, *COUNTS]
        assert accuracy(results) == share
    assert accuracy([CountResult(2, None)]) == 0.0


def test_every_question_is_about_a_kind_in_words_that_people_use():
    pipeline = Saying()
    count_questions(pipeline, POOL, each=2, seed=0, decoding=Decoding())
    things = {vocabulary()[kind].queries[0] for kind in POOL.parts}
    assert all(any(re.search(rf"\b{thing}\b", question) for thing in things) for question in pipeline.questions)
    assert len(set(pipeline.questions)) > 5
