"""The length of a waveform in several units."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from model.audio.waveform import Waveform


def test_tenths_are_rounded_down_but_never_to_zero_and_seconds_are_not_rounded():
    for num_samples, tenths in [(1, 1), (1599, 1), (1600, 1), (3199, 1), (3200, 2), (15_999, 9), (16_000, 10)]:
        assert Waveform(np.zeros(num_samples, np.float32)).duration_tenths == tenths
    assert Waveform(np.zeros(16_001, np.float32)).duration_s == 16_001 / 16_000


def test_only_mono_float32_is_accepted():
    for samples in (np.zeros(9), np.zeros((1, 9), np.float32), np.zeros(9, np.int16)):
        with pytest.raises((ValueError, TypeCheckError), match="float32"):
            Waveform(samples)
