"""Loads audio as the released code does.

It takes the first channel, does not resample, and cuts at 180 s. Whisper gets 30 s at a time, padded with zeros.
Served checkpoints instead get the mean of all channels at 16 kHz, from `model.audio`.

Source: authors' released code.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.segment import SEGMENT_SAMPLES, Segment
from model.audio.waveform import Waveform
from model.encoders.whole import MOST_SAMPLES

Samples = Waveform | npt.NDArray[np.number[Any]] | Tensor
"""At 16 kHz: floats in [-1, 1], or integers as in a WAV file; [samples] or [samples, channels]."""


def as_loaded(sound: Samples) -> npt.NDArray[np.float32]:
    """Return [samples] float32: the first channel, cut at 180 s. Up to 24 bits per sample are exact in float32."""
    samples = np.asarray(sound.samples if isinstance(sound, Waveform) else sound)
    if samples.ndim == 2:
        samples = samples[:, 0]
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    return samples[:MOST_SAMPLES].astype(np.float32)


def padded(segments: Iterable[Segment]) -> Float[Tensor, "segments samples"]:
    """Return all segments, each padded to 30 s with zeros."""
    rows = [np.pad(s.samples, (0, SEGMENT_SAMPLES - s.num_samples)) for s in segments]
    return torch.from_numpy(np.stack(rows))
