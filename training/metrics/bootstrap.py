"""Bootstrap confidence intervals of scores over scenes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Unit = TypeVar("Unit")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score and the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def bootstrap(
    scenes: Sequence[Unit],
    statistic: Callable[[Sequence[Unit]], float],
    *,
    num_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return the statistic of the scenes with its percentile bootstrap interval.

    Each resample draws whole scenes with replacement: the events of one scene are not independent, so drawing events
    would make the interval too narrow. The same seed and scenes give the same interval. Pass rows that are cheap to sum
    (`Counts`), not ones that every resample has to match again.

    Raises:
        ValueError: there are no scenes or resamples, or the level is not between 0 and 1.
    """
    if not scenes or num_resamples < 1 or not 0 < level < 1:
        raise ValueError("A bootstrap needs scenes, at least one resample, and a level between 0 and 1.")
    rng = np.random.default_rng(seed)
    resamples = rng.integers(0, len(scenes), size=(num_resamples, len(scenes)))
    samples = [statistic([scenes[index] for index in indices]) for indices in resamples]
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(statistic(scenes)), float(low), float(high))
