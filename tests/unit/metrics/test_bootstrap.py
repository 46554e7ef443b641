"""The percentile bootstrap: reproducible, over scenes, with intervals of the right width."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from training.metrics.bootstrap import Estimate, bootstrap
from training.metrics.events import Counts, total


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def micro_f1(counts: Sequence[Counts]) -> float:
    return total(counts).f1


def test_scenes_are_resampled_not_events_and_the_value_is_that_of_all_scenes() -> None:
    assert bootstrap([Counts(1, 2, 2)] * 20, micro_f1) == Estimate(0.5, 0.5, 0.5)
    assert bootstrap([0.25], mean) == Estimate(0.25, 0.25, 0.25)
    rows = [Counts(0, 1, 1), Counts(9, 10, 10), Counts(1, 5, 2)]
    assert bootstrap(rows, micro_f1).value == total(rows).f1
    # One scene has all hits. If events were resampled, the low end would be near the value.
    rows = [Counts(20, 20, 20), Counts(0, 20, 20)]
    found = bootstrap(rows, micro_f1)
    assert (found.low, found.value, found.high) == (0.0, 0.5, 1.0)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [float(v) for v in np.random.default_rng(1).normal(size=50)]
    assert bootstrap(values, mean) == bootstrap(values, mean)
    assert bootstrap(values, mean, seed=1) != bootstrap(values, mean, seed=2)


def test_the_interval_of_a_mean_is_close_to_the_normal_one() -> None:
    values = [float(v) for v in np.random.default_rng(5).normal(10.0, 2.0, size=100)]
    found = bootstrap(values, mean, num_resamples=2000)
    error = float(np.std(values)) / math.sqrt(len(values))
    assert found.low == pytest.approx(mean(values) - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(mean(values) + 1.96 * error, abs=0.15 * error)
    narrow = bootstrap(values, mean, num_resamples=2000, level=0.68)
    assert narrow.high - narrow.low == pytest.approx(2 * 0.9945 * error, rel=0.05)


def test_resamples_are_drawn_with_replacement_and_have_the_same_size() -> None:
    # With two scenes, 0 and 1, the mean of a resample is 0, 0.5 or 1 with probabilities 1/4, 1/2 and 1/4.
    seen: list[float] = []

    def watched(values: Sequence[float]) -> float:
        seen.append(mean(values))
        assert len(values) == 2
        return seen[-1]

    assert bootstrap([0.0, 1.0], watched, num_resamples=4000) == Estimate(0.5, 0.0, 1.0)
    resampled = seen[:-1]
    assert len(resampled) == 4000
    assert [resampled.count(value) / 4000 for value in (0.0, 0.5, 1.0)] == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_invalid_options_and_an_empty_list_of_scenes_are_rejected() -> None:
    for options in ({"num_resamples": 0}, {"level": 0.0}, {"level": 1.0}):
        with pytest.raises(ValueError, match="bootstrap needs"):
            bootstrap([1.0], mean, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bootstrap needs"):
        bootstrap([], mean)
