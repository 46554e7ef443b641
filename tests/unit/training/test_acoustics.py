"""What rooms, converters and wiring do to a recording, measured."""

import numpy as np
import pytest

from tests.small_recordings import RATE, noise
from training.data.acoustics import EARLY_SAMPLES, add_reverberation, hum, loop_to_length, quantise_to_8_bits


def rms(samples):
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def test_a_room_leaves_the_direct_sound_as_loud_and_adds_a_decay_behind_it():
    for seed in range(8):
        part = noise(0.3, seed=seed)
        wet = add_reverberation(part, np.random.default_rng(seed))
        assert 0.15 * RATE <= len(wet) - len(part) <= 0.9 * RATE
        assert np.allclose(wet[:EARLY_SAMPLES], part[:EARLY_SAMPLES], atol=1e-5), "no reflection is there yet"
        assert rms(wet[len(part) :]) > 0


def test_a_rooms_reverberation_is_minus_15_to_3_db_and_dies_away():
    click = np.zeros(100, np.float32)
    click[0] = 1.0
    for seed in range(8):
        wet = add_reverberation(click, np.random.default_rng(seed))
        assert wet[0] == pytest.approx(1.0, abs=1e-4)
        tail = wet[EARLY_SAMPLES:]
        level = 10 * np.log10(np.sum(np.square(tail, dtype=np.float64)))
        assert -15.1 <= level <= 3.1
        assert rms(tail[-len(tail) // 5 :]) < 0.05 * rms(tail[: len(tail) // 3])


def test_eight_bits_add_the_hiss_of_one_step_whatever_the_level():
    for level in (0.5, 0.01):
        part = (level * np.sin(np.arange(RATE) * 0.05)).astype(np.float32)
        for seed in range(8):
            coarse = quantise_to_8_bits(part, np.random.default_rng(seed))
            # A step is the peak over 64 to 127; rounding and dither are uniform over one step each.
            assert 1 / 127.5 / 6**0.5 <= rms(coarse - part) / level <= 1 / 63 / 6**0.5
            assert len(np.unique(coarse)) <= 257


def test_hum_has_an_rms_of_one():
    drawn = [hum(RATE, np.random.default_rng(seed)) for seed in range(10)]
    assert {len(found) for found in drawn} == {RATE}
    assert [rms(found) for found in drawn] == pytest.approx([1.0] * 10, abs=0.02)


def test_a_looped_sound_has_the_requested_length_and_the_same_beginning():
    part = noise(1.2)
    for seconds in (1.2, 4.0, 9.99):
        longer = loop_to_length(part, round(seconds * RATE), np.random.default_rng(0))
        assert len(longer) == round(seconds * RATE)
        assert np.array_equal(longer[:RATE], part[:RATE])
        assert np.array_equal(part, noise(1.2)), "the recording itself is left as it was"


def test_a_loop_has_no_click_and_no_gap():
    smooth = np.sin(2 * np.pi * 200 * np.arange(round(1.3 * RATE)) / RATE).astype(np.float32)
    for seed in range(5):
        longer = loop_to_length(smooth, 6 * RATE, np.random.default_rng(seed))
        # Where two waves are joined they add up to 1.4 times one; a cut could jump by 25 times as much as a step.
        assert np.abs(np.diff(longer)).max() < 1.5 * np.abs(np.diff(smooth)).max()
        hiss = loop_to_length(noise(1.3, level=0.2), 6 * RATE, np.random.default_rng(seed))
        blocks = [rms(hiss[at : at + RATE // 20]) for at in range(0, len(hiss), RATE // 20)]
        assert 0.15 < min(blocks) < max(blocks) < 0.25
