"""Compute BEATs' log filterbank energies, as Kaldi defines them.

Source: Chen et al. 2022, "BEATs: Audio Pre-Training with Acoustic Tokenizers", section 4.2 (128 bands, 25 ms Povey
windows every 10 ms, mean 15.41663 and twice the deviation 6.55582), with Kaldi's definition of each step.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.mel_filters import htk_mel_filters
from model.audio.waveform import SAMPLE_RATE

WINDOW_SAMPLES = 400
"""Samples in one window: 25 ms."""

HOP_SAMPLES = 160
"""Samples from one step to the next: 10 ms."""

FFT_SAMPLES = 512
LOWEST_HZ = 20.0
HIGHEST_HZ = 8000.0
PREEMPHASIS = 0.97
FLOOR = torch.finfo(torch.float32).eps
"""Lower bound for energies before the logarithm, also in float64."""

MEAN = 15.41663
TWICE_DEVIATION = 2 * 6.55582

SILENCE = (math.log(FLOOR) - MEAN) / TWICE_DEVIATION
"""The value of digital silence: -2.3917. With 128 bands, the fourth is narrower than an FFT bin and always has it."""


def num_steps(num_samples: int) -> int:
    """Return how many whole 25 ms windows, one every 10 ms, the samples hold: 998 in 10 s, 0 below 400 samples."""
    return max(0, 1 + (num_samples - WINDOW_SAMPLES) // HOP_SAMPLES)


def fbank(
    waveforms: Float[Tensor, "batch samples"], num_mels: int = 128, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "batch steps mels"]:
    """Return the normalised log energies of each waveform, in `num_mels` bands every 10 ms.

    Samples after the last whole window are ignored (Kaldi's `snip_edges`).

    Args:
        waveforms: 16 kHz, within -1 to 1; scaled here to the range of 16-bit integers, as Kaldi expects.
        num_mels: bands from 20 Hz to 8 kHz.
        dtype: the precision of the computation. The released code uses float64; float32 differs by up to 5e-4.

    Returns:
        float32, `num_steps(samples)` rows.
    """
    if waveforms.shape[1] < WINDOW_SAMPLES:
        return waveforms.new_zeros(len(waveforms), 0, num_mels, dtype=torch.float32)
    windows: Tensor = (waveforms.to(dtype) * 2**15).unfold(1, WINDOW_SAMPLES, HOP_SAMPLES)
    windows = windows - windows.mean(dim=-1, keepdim=True)
    # As in Kaldi, the first sample is its own predecessor.
    previous = torch.cat((windows[..., :1], windows[..., :-1]), dim=-1)
    windows = (windows - PREEMPHASIS * previous) * _povey_window(dtype).to(windows.device)
    spectrum = torch.fft.rfft(windows, n=FFT_SAMPLES)[..., :-1]  # Kaldi has no band at the Nyquist frequency
    power = spectrum.real.square() + spectrum.imag.square()
    energies: Tensor = power @ _mel_filters(num_mels, dtype).to(power.device)
    return ((energies.clamp(min=FLOOR).log() - MEAN) / TWICE_DEVIATION).float()


@lru_cache(maxsize=2)
def _povey_window(dtype: torch.dtype) -> Float[Tensor, " samples"]:
    """Return a symmetric Hann window to the power of 0.85: close to a Hamming window, but it reaches zero."""
    return torch.hann_window(WINDOW_SAMPLES, periodic=False, dtype=torch.float64).pow(0.85).to(dtype)


@lru_cache(maxsize=4)
def _mel_filters(num_mels: int, dtype: torch.dtype) -> Float[Tensor, "frequencies mels"]:
    frequencies = torch.arange(FFT_SAMPLES // 2, dtype=torch.float64) * (SAMPLE_RATE / FFT_SAMPLES)
    return htk_mel_filters(frequencies, num_mels, LOWEST_HZ, HIGHEST_HZ).to(dtype)
