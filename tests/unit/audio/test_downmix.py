"""Channels that cancel are heard, and honest ones are averaged."""

import numpy as np
import pytest

from model.audio.decode import decode_audio
from model.audio.downmix import Downmix
from tests.sound_files import encode

RATE = 16_000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)


@pytest.mark.parametrize("codec", ["flac", "wav"])
def test_a_channel_and_its_inverse_are_heard(codec):
    data = encode(np.stack([TONE, -TONE]), RATE, codec, {"flac": "flac", "wav": "pcm_s16le"}[codec])
    np.testing.assert_allclose(decode_audio(data, max_seconds=9.0).samples, TONE, atol=1e-4)


def test_an_offset_of_both_channels_does_not_hide_that_they_cancel():
    offset = np.float32(0.2)
    np.testing.assert_array_equal(Downmix().mix(np.stack([TONE, -TONE]) + offset, RATE), TONE + offset)
    constant = np.full((2, RATE), offset)
    np.testing.assert_allclose(Downmix().mix(constant, RATE), offset, atol=1e-6)


def test_the_louder_of_two_inverse_channels_stands_for_both():
    np.testing.assert_array_equal(Downmix().mix(np.stack([0.9 * TONE, -TONE]), RATE), -TONE)


@pytest.mark.parametrize("num_channels", [2, 3, 8])
def test_one_channel_that_sounds_does_not_cancel(num_channels):
    channels = np.zeros((num_channels, len(TONE)), np.float32)
    channels[-1] = TONE
    np.testing.assert_allclose(Downmix().mix(channels, RATE), TONE / num_channels, atol=1e-7)


@pytest.mark.parametrize(("level", "cancels"), [(0.20, False), (0.15, True)])
def test_15_db_below_the_channels_is_cancelled(level, cancels):
    """A common part of `level` beside an inverted one: the mix is the common part alone."""
    common = level * np.random.default_rng(4).permutation(TONE)
    mixed = Downmix().mix(np.stack([TONE + common, common - TONE]), RATE)
    assert np.allclose(mixed, common, atol=1e-6) != cancels
    assert (np.abs(mixed).max() > 0.2) == cancels


def test_the_change_to_a_channel_is_gradual():
    downmix = Downmix()
    same, inverse = np.stack([TONE, TONE])[:, :RATE], np.stack([TONE, -TONE])[:, RATE : 2 * RATE]
    mixed = np.concatenate([downmix.mix(same, RATE), downmix.mix(inverse, RATE)])
    assert np.abs(np.diff(mixed)).max() < 1.2 * np.abs(np.diff(TONE)).max()
    np.testing.assert_allclose(mixed[RATE + 160 :], TONE[RATE + 160 : 2 * RATE], atol=1e-6)


def test_silence_is_silence():
    assert not Downmix().mix(np.zeros((2, RATE), np.float32), RATE).any()
