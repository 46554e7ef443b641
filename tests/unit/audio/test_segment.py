"""Segments contain every sample once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model.audio.segment import FRAME_SAMPLES, SEGMENT_SAMPLES, split
from model.audio.waveform import Waveform


def numbered(num_samples):
    """Return a waveform in which each sample is its own index."""
    return Waveform(np.arange(num_samples, dtype=np.float32))


def test_segments_are_30_s_and_the_tail_is_kept():
    for num_samples, lengths in [
        (0, []),
        (1, [1]),
        (15_999, [15_999]),
        (16_000, [16_000]),
        (16_001, [16_001]),
        (479_999, [479_999]),
        (480_000, [480_000]),
        (480_001, [480_000, 1]),
        (960_000, [480_000, 480_000]),
        (960_001, [480_000, 480_000, 1]),
    ]:
        assert [segment.num_samples for segment in split(numbered(num_samples))] == lengths


LONGEST = Waveform(np.arange(3 * SEGMENT_SAMPLES, dtype=np.float32))


@given(st.integers(0, LONGEST.num_samples))
@settings(deadline=None)  # the machine may be busy
def test_every_sample_belongs_to_one_segment(num_samples):
    waveform = Waveform(LONGEST.samples[:num_samples])
    segments = split(waveform)
    joined = np.concatenate([segment.samples for segment in segments]) if segments else waveform.samples
    np.testing.assert_array_equal(joined, waveform.samples)
    assert all(segment.samples[0] == waveform.samples[segment.start] for segment in segments)


def test_frames_contain_all_samples():
    for num_samples, num_frames in [(1, 1), (319, 1), (320, 1), (321, 2), (479_681, 1500), (480_000, 1500)]:
        (segment,) = split(numbered(num_samples))
        assert segment.num_frames == num_frames
        assert (num_frames - 1) * FRAME_SAMPLES < num_samples <= num_frames * FRAME_SAMPLES


def test_a_segment_is_a_view():
    waveform = numbered(500_000)
    assert all(np.shares_memory(segment.samples, waveform.samples) for segment in split(waveform))
