"""Channels that cancel are heard, and honest ones are averaged."""

import numpy as np

from model.audio.decode import decode_audio
from model.audio.downmix import Downmix
from tests.sound_files import encode

RATE = 16_000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def test_a_channel_and_its_inverse_are_heard():
    data = encode(np.stack([TONE, -TONE]), RATE, "flac", "flac")
    np.testing.assert_allclose(decode_audio(data, max_seconds=9.0).samples, TONE, atol=1e-4)


def test_an_offset_of_both_channels_does_not_hide_that_they_cancel():
    offset = np.float32(0.2)
    np.testing.assert_array_equal(Downmix().mix(np.stack([TONE, -TONE]) + offset, RATE), TONE + offset)
    constant = np.full((2, RATE), offset)
    np.testing.assert_allclose(Downmix().mix(constant, RATE), offset, atol=1e-6)


def test_the_louder_of_two_inverse_channels_stands_for_both():
    np.testing.assert_array_equal(Downmix().mix(np.stack([0.9 * TONE, -TONE]), RATE), -TONE)


def test_one_channel_that_sounds_does_not_cancel_and_silence_is_silence():
    for num_channels in (2, 3, 8):
        channels = np.zeros((num_channels, len(TONE)), np.float32)
        assert not Downmix().mix(channels, RATE).any()
        channels[-1] = TONE
        np.testing.assert_allclose(Downmix().mix(channels, RATE), TONE / num_channels, atol=1e-7)


def test_15_db_below_the_channels_is_cancelled():
    """A common part beside an inverted one: the mix is the common part alone."""
    for level, cancels in [(0.20, False), (0.15, True)]:
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
