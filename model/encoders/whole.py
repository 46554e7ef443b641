"""The sound encoder over a whole recording at once, as the released code runs it.

Its cost grows with the square of the length, which is why checkpoints trained here hear segment by segment.

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
"""The released code fills shorter recordings up with silence."""

MOST_SAMPLES = 180 * SAMPLE_RATE
"""The released code cuts longer recordings off; here they are refused."""


def whole_fbank(segments: list[Segment]) -> Float[Tensor, "1 steps 128"]:
    """The filterbank of a recording given as its segments, in float64 as the released code computes it.

    Raises:
        AudioTooLong: over 180 s.
    """
    samples = np.concatenate([segment.samples for segment in segments])
    if len(samples) > MOST_SAMPLES:
        raise AudioTooLong(limit_s=MOST_SAMPLES / SAMPLE_RATE, duration_s=len(samples) / SAMPLE_RATE)
    samples = np.pad(samples, (0, max(0, LEAST_SAMPLES - len(samples))))
    return fbank(torch.from_numpy(samples)[None], dtype=torch.float64)


def encode_whole(sound: BEATs, segments: list[Segment]) -> Float[Tensor, "1 frames dim"]:
    """BEATs' tokens of a recording, 8 per 160 ms: they end where the last whole patch does.

    Raises:
        AudioTooLong: over 180 s.
    """
    tokens: Tensor = sound(whole_fbank(segments).to(next(sound.parameters()).device))
    return tokens
