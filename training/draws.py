"""What a step of the connector's start and of stage 1 hears: recordings of one length, by their stored frames."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.audio.segment import SEGMENT_SAMPLES
from model.audio.waveform import SAMPLE_RATE
from training.config import AlignmentStageConfig
from training.data.composer import PlacedEvent
from training.data.features import FRAME_SAMPLES, FeatureSet
from training.data.timelines import LAST_START
from training.splices import Splicer

TEN_SECONDS = 10 * SAMPLE_RATE
"""Samples by which the lengths of recordings differ."""


@dataclass(frozen=True, slots=True)
class Features:
    """Scenes of 10 s; scenes, and bulletins if there are any, of several segments of 30 s; and what splices them."""

    short: FeatureSet
    long: FeatureSet
    spoken: FeatureSet | None = None
    splicer: Splicer | None = None


@dataclass(frozen=True, slots=True)
class Draw:
    """A batch of recordings of one length.

    Attributes:
        frames: [batch, frames, dim].
        events: what happens in each, in samples from its first frame.
        num_samples: of each.
        first_window: the number of the first window, where a recording is taken for a part of a longer one.
        is_spoken: whether they are bulletins.
    """

    frames: Tensor
    events: list[tuple[PlacedEvent, ...]]
    num_samples: int
    first_window: int = 0
    is_spoken: bool = False


def draw(features: Features, config: AlignmentStageConfig, size: int, rng: np.random.Generator) -> Draw:
    """A step's recordings: 10 s, or any number of tens of seconds from there on, in batches of about equal work.

    Whatever lasted as long as others would end where those do: a net that hears 10 s and 30 s ends events at 10.0 s.
    Some batches of 10 s begin anywhere on the clock, so that every row of the time encoding is learned.
    """
    is_spoken = features.spoken is not None and rng.random() < config.speech_share
    chance = rng.random()
    if chance >= config.long_share and not is_spoken:
        short = features.short
        index = rng.integers(0, len(short), size)
        first = int(rng.integers(0, LAST_START)) if rng.random() < config.shifted_share else 0
        return Draw(short.take(index), [short.events[i] for i in index], short.num_samples, first)
    long = features.spoken if is_spoken and features.spoken is not None else features.long
    segment_tens, most = SEGMENT_SAMPLES // TEN_SECONDS, long.num_samples // TEN_SECONDS
    is_merged = most > segment_tens and rng.random() < config.very_long_share
    tens = int(rng.integers(segment_tens + 1, most + 1) if is_merged else rng.integers(2, segment_tens + 1))
    frames, events = [], []
    splicer = features.splicer if not is_spoken and rng.random() < config.spliced_share else None
    for _ in range(max(2, round(size / tens))):
        if splicer is not None:
            some, inside = splicer.draw(tens * TEN_SECONDS // FRAME_SAMPLES, rng)
        else:
            segment = int(rng.integers(0, (most - tens) // segment_tens + 1))
            some, inside = long.stretch(int(rng.integers(len(long))), segment, tens * TEN_SECONDS)
        frames.append(some)
        events.append(inside)
    return Draw(torch.stack(frames), events, tens * TEN_SECONDS, is_spoken=is_spoken)
