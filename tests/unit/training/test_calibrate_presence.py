"""Fitting how a checkpoint decides whether a query occurs."""

import numpy as np
import pytest

from model.pipeline import Pipeline
from model.timeline.task import TASKS
from tests.factories import small_model
from tests.small_recordings import pool_of
from training.calibrate_presence import PresenceSample, fit_presence, measure_presence, presence_samples
from training.data.composer import SceneConfig
from training.data.target_text import PresenceIds

IDS = PresenceIds((5, 7), 6)


def samples(seed: int, number: int = 2000) -> list[PresenceSample]:
    """Two witnesses that err independently; the language model also says "absent" too often."""
    rng = np.random.default_rng(seed)
    found = []
    for is_present in rng.random(number) < 0.5:
        sign = 1.0 if is_present else -1.0
        found.append(PresenceSample(sign - 1.0 + rng.normal(), 0.2 * sign + 0.3 * rng.normal() + 0.5, bool(is_present)))
    return found


def test_two_witnesses_are_better_than_one():
    presence = fit_presence(samples(0), IDS)
    assert presence is not None
    assert (presence.present, presence.absent) == IDS
    quality = measure_presence(presence, samples(1))
    alone, together = quality.present_alone + quality.absent_alone, quality.present + quality.absent
    assert together > alone + 0.05
    assert quality.present == pytest.approx(quality.absent, abs=0.05)


def test_nothing_is_fitted_without_both_cases_or_to_a_model_that_errs():
    found = samples(0, 50)
    assert fit_presence([sample for sample in found if sample.is_present], IDS) is None
    assert fit_presence([], IDS) is None
    against = [sample._replace(is_present=not sample.is_present) for sample in found]
    assert fit_presence(against, IDS) is None


@pytest.mark.parametrize("task", ["ground", "ask"])
def test_samples_are_reproducible(task):
    model, tokenizer = small_model(tasks=TASKS)
    pipeline = Pipeline(model, tokenizer, num_slots=8)
    pool, configs = pool_of("dog", "rain", seconds=0.4), [SceneConfig(seconds=1.0, max_events=2)]
    one, two = (presence_samples(pipeline, pool, configs, task, scenes=4, seed=1) for _ in range(2))
    assert len(one) == len(two)
    for sample, again in zip(one, two, strict=True):
        assert sample == pytest.approx(again, abs=1e-4)  # a prefix of another batch rounds differently
        assert np.isfinite([sample.language, sample.evidence]).all()
