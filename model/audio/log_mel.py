"""Compute Whisper's log-mel spectrogram.

Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", section 2.2: 25 ms Hann
windows every 10 ms, mel bands of unit area on Slaney's scale, log10, at most 8 below the loudest value, (x + 4) / 4.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.waveform import SAMPLE_RATE

FFT_SAMPLES = 400
"""Samples in one window: 25 ms."""

HOP_SAMPLES = 160
"""Samples from one step to the next: 10 ms."""


def log_mel(waveforms: Float[Tensor, "batch samples"], num_mels: int = 80) -> Float[Tensor, "batch mels steps"]:
    """Return the log-mel spectrogram of each waveform, normalised by its own loudest value.

    Rows are independent of each other. For 480,000 samples the result equals `transformers.WhisperFeatureExtractor`.

    Args:
        waveforms: 16 kHz, whole 20 ms frames: the caller pads with zeros to a multiple of 320 samples.
        num_mels: bands; 80 for all Whisper sizes except large-v3, which has 128.

    Returns:
        One column per 10 ms, samples / 160 of them.

    Raises:
        ValueError: the number of samples is not a positive multiple of 320.
    """
    num_samples = waveforms.shape[1]
    if num_samples == 0 or num_samples % (2 * HOP_SAMPLES):
        raise ValueError(f"Pad the waveforms to a positive multiple of {2 * HOP_SAMPLES} samples, not {num_samples}.")
    window = torch.hann_window(FFT_SAMPLES, device=waveforms.device)
    # The centred transform has one column more than there are steps; like Whisper, drop the last one.
    spectrum = torch.stft(waveforms, FFT_SAMPLES, HOP_SAMPLES, window=window, return_complex=True)[..., :-1]
    power = spectrum.real.square() + spectrum.imag.square()
    logs = (_mel_filters(num_mels).to(power.device) @ power).clamp(min=1e-10).log10()
    floor = logs.amax(dim=(1, 2), keepdim=True) - 8.0
    return (torch.maximum(logs, floor) + 4.0) / 4.0


@lru_cache(maxsize=4)
def _mel_filters(num_mels: int) -> Float[Tensor, "mels frequencies"]:
    """Return triangular filters of unit area from 0 Hz to 8 kHz, evenly spaced on Slaney's mel scale."""
    highest = _to_mel(SAMPLE_RATE / 2)
    corners = torch.tensor([_to_hz(highest * i / (num_mels + 1)) for i in range(num_mels + 2)], dtype=torch.float64)
    frequencies = torch.arange(FFT_SAMPLES // 2 + 1, dtype=torch.float64) * (SAMPLE_RATE / FFT_SAMPLES)
    left, centre, right = (corners[i : i + num_mels, None] for i in range(3))
    rising = (frequencies - left) / (centre - left)
    falling = (right - frequencies) / (right - centre)
    return (torch.minimum(rising, falling).clamp(min=0) * 2.0 / (right - left)).float()


def _to_mel(hertz: float) -> float:
    """Convert to Slaney's scale: linear up to 1 kHz (15 mel), then 27 mel per factor of 6.4."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000, 6.4)


def _to_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)
