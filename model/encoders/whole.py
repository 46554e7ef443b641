"""Run the sound encoder over a whole recording at once, as the released code does.

The cost grows with the square of the length, so checkpoints trained here encode segment by segment.

Source: authors' released code.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.fbank import fbank
from model.audio.segment import Segment
from model.audio.waveform import SAMPLE_RATE
from model.encoders.beats import BEATs
from model.errors import AudioTooLong

LEAST_SAMPLES = SAMPLE_RATE
"""The released code pads shorter recordings with silence."""

MOST_SAMPLES = 180 * SAMPLE_RATE
"""The released code truncates longer recordings; here they are rejected."""


def whole_fbank(segments: list[Segment]) -> Float[Tensor, "1 steps 128"]:
    """Return the filterbank of a recording from its segments, computed in float64 as in the released code.

    Raises:
        AudioTooLong: over 180 s.
    """
    samples = np.concatenate([segment.samples for segment in segments])
    if len(samples) > MOST_SAMPLES:
        raise AudioTooLong(limit_s=MOST_SAMPLES / SAMPLE_RATE, duration_s=len(samples) / SAMPLE_RATE)
    samples = np.pad(samples, (0, max(0, LEAST_SAMPLES - len(samples))))
    return fbank(torch.from_numpy(samples)[None], dtype=torch.float64)


def encode_whole(sound: BEATs, segments: list[Segment]) -> Float[Tensor, "1 frames dim"]:
    """Return BEATs' tokens of a recording, 8 per 160 ms. They end with the last whole patch.

    Raises:
        AudioTooLong: over 180 s.
    """
    tokens: Tensor = sound(whole_fbank(segments).to(next(sound.parameters()).device))
    return tokens
