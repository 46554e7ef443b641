"""Calibration error: whether predictions with a confidence of 0.8 are right 8 times in 10."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 15


@dataclass(frozen=True, slots=True)
class CalibrationSample:
    """One predicted interval: its confidence, 0 to 1, and whether it is right.

    Raises:
        ValueError: the confidence is not between 0 and 1.
    """

    confidence: float
    is_right: bool

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"A confidence must be between 0 and 1; got {self.confidence}.")


def expected_calibration_error(samples: Sequence[CalibrationSample]) -> float | None:
    """Return the mean gap between confidence and accuracy, 0 to 1, over 15 bins of equal width, weighted by size.

    A confidence on an edge belongs to the bin above; 1 to the last. None without samples. Source: Guo et al. 2017.
    """
    if not samples:
        return None
    confidence = np.array([sample.confidence for sample in samples])
    right = np.array([sample.is_right for sample in samples], dtype=float)
    place = np.minimum((confidence * BINS + 1e-9).astype(int), BINS - 1)
    gaps = [abs(float((confidence[place == b] - right[place == b]).sum())) for b in range(BINS)]
    return sum(gaps) / len(samples)
