"""Longer recordings out of stored short ones."""

from collections import Counter

import numpy as np
import pytest

from training import splices
from training.data.composer import PlacedEvent
from training.data.features import FRAME_SAMPLES, FeatureSet
from training.splices import APART, Splicer, cuts_of

SECOND = 50
"""Frames."""


def event(kind, first, last):
    return PlacedEvent(kind, first * FRAME_SAMPLES, last * FRAME_SAMPLES)


@pytest.fixture(scope="module")
def splicer():
    """Every frame holds the number of its recording, from 1 on, and its own; quiet ones hold 0."""
    kinds = ("dog", "rain", "rooster", "sneezing")
    events = []
    for place in range(40):
        kind, other = kinds[place % 4], kinds[(place + 1) % 4]
        first = 20 + 3 * place
        few = [event(kind, first, first + 20 + place), event(other, 300, 340)]
        events.append(tuple(few if place % 3 else [*few, event(kind, 310, 380)]))
    frames = np.zeros((40, 10 * SECOND, 2), np.float16)
    frames[:, :, 0] = np.arange(1, 41)[:, None]
    frames[:, :, 1] = np.arange(10 * SECOND)
    noise = np.zeros((3, 30 * SECOND, 2), np.float16)
    return Splicer(FeatureSet(frames, events, 160_000), FeatureSet(noise, [()] * 3, 480_000))


def test_a_recording_is_cut_where_nothing_sounds():
    together = [event("dog", 100, 150), event("rain", 140, 200), event("dog", 260, 300)]
    cuts = cuts_of(7, together, 500)
    assert [(c.first, c.last, len(c.events)) for c in cuts] == [(100, 200, 2), (260, 300, 1)]
    assert cuts[0].low == 0
    assert cuts[1].high == 500
    assert 200 < cuts[0].high < 260
    assert 200 < cuts[1].low < 260
    assert all(c.place == 7 for c in cuts)
    assert cuts_of(0, [], 500) == []
    assert len(cuts_of(0, [event("dog", 0, 100), event("dog", 100 + APART - 1, 200)], 500)) == 1


@pytest.mark.parametrize("seconds", [20, 30, 100, 150])
def test_an_event_is_told_where_its_frames_were_laid(splicer, seconds):
    for seed in range(60):
        frames, events = splicer.draw(seconds * SECOND, np.random.default_rng(seed))
        assert frames.shape == (seconds * SECOND, 2)
        sounding = np.zeros(len(frames), bool)
        for e in events:
            first, last = e.start // FRAME_SAMPLES, e.end // FRAME_SAMPLES
            place, own = int(frames[first, 0]) - 1, int(frames[first, 1])
            assert event(e.kind, own, own + last - first) in splicer.short.events[place]
            assert (np.diff(frames[first:last, 1].numpy()) == 1).all()
            sounding[first:last] = True
        for place in range(40):  # and what is laid there is told
            for e in splicer.short.events[place]:
                laid = (frames[:, 0] == place + 1) & (frames[:, 1] == e.start // FRAME_SAMPLES)
                assert sounding[laid.numpy()].all()


def test_two_sounds_of_a_kind_can_be_counted(splicer):
    for seed in range(100):
        _, events = splicer.draw(20 * SECOND, np.random.default_rng(seed))
        for kind in {e.kind for e in events}:
            own = [e for e in events if e.kind == kind]
            cuts = {(e.start, e.end) for e in own}
            assert len(cuts) == len(own)
            gaps = [after.start - before.end for before, after in zip(own, own[1:], strict=False)]
            assert all(gap >= SECOND // 2 * FRAME_SAMPLES for gap in gaps)


@pytest.mark.parametrize("seconds", [20, 30])
def test_a_kind_that_is_counted_is_heard_one_to_five_times_equally_often(splicer, monkeypatch, seconds):
    monkeypatch.setattr(splices, "COUNTED_SHARE", 1.0)
    counts = Counter()
    for seed in range(400):
        _, events = splicer.draw(seconds * SECOND, np.random.default_rng(seed))
        counts[max(Counter(e.kind for e in events).values())] += 1
    assert set(counts) == {1, 2, 3, 4, 5}
    assert all(55 <= number <= 105 for number in counts.values()), counts
