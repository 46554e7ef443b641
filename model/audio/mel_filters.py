"""Mel filters on HTK's scale, which Kaldi, Essentia and YAMNet share. Whisper's are on Slaney's (`log_mel`)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def htk_mel_filters(
    frequencies: Float[Tensor, " frequencies"], num_mels: int, lowest_hz: float, highest_hz: float
) -> Float[Tensor, "frequencies mels"]:
    """Return triangular filters of unit height, evenly spaced and linear on the mel scale 1127 ln(1 + f / 700).

    `frequencies` are those of the spectrum's bins, in Hz. They and the filters are float64.
    """
    lowest, highest = (1127 * math.log1p(hertz / 700) for hertz in (lowest_hz, highest_hz))
    corners = lowest + (highest - lowest) / (num_mels + 1) * torch.arange(num_mels + 2, dtype=torch.float64)
    mels = 1127 * torch.log1p(frequencies / 700)[:, None]
    left, centre, right = (corners[i : i + num_mels] for i in range(3))
    rising = (mels - left) / (centre - left)
    falling = (right - mels) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0)
