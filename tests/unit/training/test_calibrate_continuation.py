"""Fitting whether another interval follows in an answer to a query."""

import numpy as np

from model.confidence import Calibration
from model.pipeline import Pipeline
from model.presence import Continuation, Occurrence, Presence
from tests.factories import identity_map, small_model
from tests.small_recordings import pool_of
from training.calibrate_continuation import (
    ContinuationSample,
    continuation_samples,
    fit_continuation,
    shares_right,
)  # fmt: skip
from training.data.composer import SceneConfig
from training.data.target_text import another_id, presence_ids


def samples(seed: int, number: int = 2000) -> list[ContinuationSample]:
    """A language model that too often ends its answer, and evidence that errs independently."""
    rng = np.random.default_rng(seed)
    found = []
    for follows in rng.random(number) < 0.3:
        sign = 1.0 if follows else -1.0
        found.append(ContinuationSample(sign - 1.5 + rng.normal(), 2 * sign + 2 * rng.normal(), bool(follows)))
    return found


def test_both_together_are_better_than_the_language_model():
    continuation = fit_continuation(samples(0), 5)
    assert continuation is not None
    assert continuation.token == 5
    alone, together = shares_right(continuation, samples(1))
    assert together > alone + 0.03
    assert continuation.bias_of(10.0) == continuation.bias_of(1000.0), "a sound can be no more than certain"


def test_nothing_is_fitted_without_both_cases_or_to_a_model_that_errs():
    found = samples(0, 100)
    assert fit_continuation([sample for sample in found if sample.follows], 5) is None
    assert fit_continuation([], 5) is None
    assert fit_continuation([sample._replace(follows=not sample.follows) for sample in found], 5) is None


def test_samples_are_the_ends_of_intervals(tmp_path):
    pipeline = Pipeline(*small_model(), num_slots=8)
    ids = presence_ids(pipeline.tokenizer)
    pipeline.model.word_map = identity_map()
    pipeline.model.calibration = Calibration(
        {}, {"ground": Presence(5.0, 1.0, 0.0, *ids)}, {"ground": Occurrence(0.0, 1.0, 0.0)}
    )
    found = continuation_samples(pipeline, pool_of("dog", "rain"), [SceneConfig(seconds=3.0)], scenes=3, seed=0)
    assert found, "a random model writes some interval"
    assert all(sample.best <= 10.0 for sample in found)


def test_a_calibration_keeps_it(tmp_path):
    calibration = Calibration({}, continuation={"ground": Continuation(-1.0, 0.5, 2.0, 7)})
    calibration.write(tmp_path / "calibration.json", {})
    assert Calibration.read(tmp_path / "calibration.json").continuation == calibration.continuation


def test_the_token_announces_another_interval():
    tokenizer = small_model()[1]
    assert tokenizer.decode([another_id(tokenizer)]).startswith(",")
