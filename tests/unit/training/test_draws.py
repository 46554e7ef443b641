"""What a step of the connector's start and of stage 1 hears."""

from collections import Counter

import numpy as np
import pytest

from model.audio.waveform import SAMPLE_RATE
from training.config import AlignmentStageConfig, OptimConfig
from training.data.composer import PlacedEvent
from training.data.features import FRAME_SAMPLES, FeatureSet
from training.draws import Features, draw

RATE = SAMPLE_RATE


def recordings(count, seconds):
    """Each frame holds its own number; a dog barks in the fourth second of every ten."""
    frames = np.arange(seconds * RATE // FRAME_SAMPLES, dtype=np.float16)[None, :, None].repeat(count, axis=0)
    barks = tuple(PlacedEvent("dog", second * RATE, (second + 1) * RATE) for second in range(3, seconds, 10))
    return FeatureSet(frames, [barks] * count, seconds * RATE)


@pytest.fixture(scope="module")
def features():
    return Features(recordings(4, 10), recordings(3, 150))


def config(**changes):
    once = OptimConfig(steps=1)
    return AlignmentStageConfig(warm_up=once, optim=once, **changes)


def draws(features, count=300, **changes):
    return [draw(features, config(**changes), 24, np.random.default_rng(seed)) for seed in range(count)]


def test_long_recordings_last_any_number_of_tens_of_seconds_and_merged_ones_their_share(features):
    drawn = draws(features, long_share=1.0, very_long_share=0.5)
    lengths = Counter(d.num_samples // (10 * RATE) for d in drawn)
    assert set(lengths) == set(range(2, 16))
    assert 0.4 < sum(n for tens, n in lengths.items() if tens > 3) / len(drawn) < 0.6
    assert all(len(d.events) == len(d.frames) == max(2, round(240 * RATE / d.num_samples)) for d in drawn)


def test_what_happens_in_a_stretch_is_told_from_its_beginning(features):
    for d in draws(features, 60, long_share=1.0, very_long_share=0.7):
        assert d.frames.shape[1] * FRAME_SAMPLES == d.num_samples
        barks = tuple((s * RATE, (s + 1) * RATE) for s in range(3, d.num_samples // RATE, 10))
        assert all(tuple((e.start, e.end) for e in events) == barks for events in d.events)
        assert not (d.frames[:, 0, 0] * FRAME_SAMPLES % (30 * RATE)).any()


def test_the_clock_of_some_short_recordings_begins_late(features):
    late = [d.first_window > 0 for d in draws(features, long_share=0.0, shifted_share=0.5)]
    assert 0.4 < np.mean(late) < 0.6
