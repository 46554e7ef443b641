"""Fitting how a checkpoint decides whether a query occurs."""

import numpy as np
import pytest

from model.pipeline import Pipeline
from model.timeline.task import TASKS
from tests.factories import small_model
from tests.small_recordings import pool_of
from training.calibrate_presence import (
    PresenceSample,
    fit_occurrence,
    fit_presence,
    measure_presence,
    presence_samples,
)  # fmt: skip
from training.data.composer import SceneConfig
from training.data.target_text import PresenceIds

IDS = PresenceIds((5, 7), 6)


def samples(seed: int, number: int = 2000) -> list[PresenceSample]:
    """Two witnesses that err independently; the language model also says "absent" too often."""
    rng = np.random.default_rng(seed)
    found = []
    for is_present in rng.random(number) < 0.5:
        sign = 1.0 if is_present else -1.0
        language, evidence = sign - 1.0 + rng.normal(), 0.2 * sign + 0.3 * rng.normal() + 0.5
        found.append(PresenceSample(language, evidence, (0.1, 0.6), (False, bool(is_present))))
    return found


def test_two_witnesses_are_better_than_one():
    presence = fit_presence(samples(0), IDS, 0.5)
    assert presence is not None
    assert (presence.present, presence.absent) == IDS
    quality = measure_presence(presence, samples(1))
    alone, together = quality.present_alone + quality.absent_alone, quality.present + quality.absent
    assert together > alone + 0.05
    assert quality.present == pytest.approx(quality.absent, abs=0.05)


def test_false_alarms_are_as_rare_as_they_should_be():
    presence = fit_presence(samples(0), IDS, 0.05)
    assert presence is not None
    assert measure_presence(presence, samples(1)).absent == pytest.approx(0.95, abs=0.02)


def test_nothing_is_fitted_without_both_cases_or_to_a_model_that_errs():
    found = samples(0, 50)
    assert fit_presence([sample for sample in found if sample.is_present], IDS, 0.1) is None
    assert fit_presence([], IDS, 0.1) is None
    against = [sample._replace(occurs=(not sample.is_present,)) for sample in found]
    assert fit_presence(against, IDS, 0.1) is None


def test_when_a_sound_occurs_is_fitted_to_recordings_that_have_it():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        occurs, clear = rng.random(20) < 1 / 3, rng.random()  # in clear recordings, every similarity is higher by 0.2
        similarities = 0.4 * occurs + 0.2 * clear + 0.1 * rng.normal(size=20)
        found.append(PresenceSample(0.0, clear, tuple(similarities), tuple(occurs.tolist())))
    occurrence = fit_occurrence([*found, PresenceSample(0.0, 0.0, (0.9,) * 20, (False,) * 20)])
    assert occurrence is not None
    even = -occurrence.bias / occurrence.evidence  # the similarity at which both are as likely, if nothing is clear
    assert even == pytest.approx(0.2 + 0.01 * np.log(2) / 0.4, abs=0.03)  # of two normal distributions, 1 to 2
    assert occurrence.whole == pytest.approx(-0.2 * occurrence.evidence, rel=0.2)
    of_window = occurrence.bias + 0.4 * occurrence.evidence + 0.5 * occurrence.whole
    assert sum(occurrence.by_tenth([0.4] * 34, 0.5, 3.4)) == pytest.approx(10 * of_window)
    assert fit_occurrence([]) is None


@pytest.mark.parametrize("task", ["ground", "ask"])
def test_samples_are_reproducible(task):
    model, tokenizer = small_model(tasks=TASKS)
    pipeline = Pipeline(model, tokenizer, num_slots=8)
    pool, configs = pool_of("dog", "rain", seconds=0.4), [SceneConfig(seconds=1.0, max_events=2)]
    one, two = (presence_samples(pipeline, pool, configs, task, scenes=4, seed=1) for _ in range(2))
    assert len(one) == len(two)
    for sample, again in zip(one, two, strict=True):
        assert sample[:2] == pytest.approx(again[:2], abs=1e-4)  # a prefix of another batch rounds differently
        assert sample.similarities == pytest.approx(again.similarities, abs=1e-4)
        assert len(sample.similarities) == len(sample.occurs)
        assert np.isfinite([sample.language, sample.evidence]).all()
