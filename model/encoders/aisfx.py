"""aiSFX: a convolutional network trained to label the sound effects in libraries.

Source: Ma and Lerch, "Representation Learning for the Automatic Indexing of Sound Effects Libraries", ISMIR 2022; the
weights are CC BY 4.0. The spectrogram is Essentia's, as in the paper: 44.1 kHz, Hann windows of 2048 samples every
1024, power, mel bands of unit sum on HTK's scale up to 22.05 kHz, log10(10000 S + 1), divided by the training maximum.
Differs: the input is 16 kHz, so bands above 8 kHz are silent; the time axis is kept, where the original takes the
maximum over time.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.audio.mel_filters import htk_mel_filters
from model.audio.segment import FRAME_SAMPLES
from model.audio.waveform import SAMPLE_RATE
from model.encoders.cells import interpolate_cells

RATE = 44_100
"""Samples per second in the original."""

FFT_SAMPLES = 2048
HOP_SAMPLES = 1024
HIGHEST_HZ = RATE / 2
LARGEST = 9.457798957824707
"""The largest log energy in the original's training data."""

WINDOW_SAMPLES = 743
"""Samples at 16 kHz that last as long as 2048 at 44.1 kHz: bins are 21.53 Hz apart at both rates."""

HOP = HOP_SAMPLES * SAMPLE_RATE / RATE
"""Samples at 16 kHz from one step to the next: 371.5, so the starts are rounded."""

POOLED = 8
"""Steps that the three poolings combine into one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AisfxConfig:
    """Sizes of the network; the defaults are those of the published network."""

    num_mels: int = 96
    channels: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of the four blocks."""


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each followed by batch normalisation and ReLU."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, hidden: Float[Tensor, "batch dim_in time bins"]) -> Float[Tensor, "batch dim time bins"]:
        """Apply the block. The length and the number of bins are kept."""
        return _normalised(self.conv2, self.bn2, _normalised(self.conv1, self.bn1, hidden))


def _normalised(conv: nn.Conv2d, norm: nn.BatchNorm2d, hidden: Tensor) -> Tensor:
    """Apply convolution, fixed normalisation and ReLU in one pass: memory traffic is their main cost."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight, bias = conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
    return nn.functional.conv2d(hidden, weight, bias, padding=1).relu_()


class AisfxEncoder(nn.Module):
    """Turns waveforms into sound features: 5.38 per second inside, interpolated to 50 frames per second.

    Batch normalisation keeps its pretrained statistics, even while the rest of a model trains.
    """

    def __init__(self, config: AisfxConfig) -> None:
        super().__init__()
        self.config = config
        self.dim = config.channels[-1]
        for number, (before, after) in enumerate(zip((1, *config.channels), config.channels, strict=False), 1):
            self.add_module(f"conv_block{number}", ConvBlock(before, after))
        # Channels last is twice as fast on a CPU; torch's stubs lack this overload.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eval()

    def train(self, mode: bool = True) -> "AisfxEncoder":
        """Stay in evaluation mode."""
        super().train(False)
        return self

    def encode_frames(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames dim"]:
        """Encode segments of one length, a multiple of 320 samples, into one frame per 320 samples."""
        hidden = log_mel_44k(waveforms, self.config.num_mels)[:, None]
        blocks = list(self.children())
        for block in blocks[:-1]:
            hidden = nn.functional.max_pool2d(block(hidden), 2)
        pooled = blocks[-1](hidden).mean(dim=3).transpose(1, 2)
        # Step i is centred at sample i x HOP; cell k pools steps 8k to 8k + 7, so its middle is at (8k + 3.5) x HOP.
        return interpolate_cells(
            pooled, waveforms.shape[1] // FRAME_SAMPLES, first=(POOLED - 1) / 2 * HOP, spacing=POOLED * HOP
        )


def log_mel_44k(waveforms: Float[Tensor, "batch samples"], num_mels: int = 96) -> Float[Tensor, "batch steps mels"]:
    """Return the normalised log energies of waveforms at 16 kHz, as if they were at 44.1 kHz.

    Step i is centred at i x 1024 / 44100 s, as in Essentia. Silence, exactly 0, pads to a multiple of 8 steps.
    """
    steps = POOLED * max(1, round(waveforms.shape[1] / (POOLED * HOP) + 0.5))
    starts = (torch.arange(steps, dtype=torch.float64) * HOP).round().long()
    left = WINDOW_SAMPLES // 2
    right = max(0, int(starts[-1]) + WINDOW_SAMPLES - left - waveforms.shape[1])
    windows = nn.functional.pad(waveforms, (left, right)).unfold(1, WINDOW_SAMPLES, 1)[:, starts.to(waveforms.device)]
    window = torch.hann_window(WINDOW_SAMPLES, periodic=False, device=waveforms.device)
    # A sine's magnitude grows with the window's length, so scale to that of the longer window.
    spectrum = torch.fft.rfft(windows * (window * (FFT_SAMPLES / WINDOW_SAMPLES)))
    power = spectrum.real.square() + spectrum.imag.square()
    filters = _mel_filters(num_mels)[: power.shape[-1]].to(power.device)
    return (10_000 * (power @ filters) + 1).log10() / LARGEST


@lru_cache(maxsize=2)
def _mel_filters(num_mels: int) -> Float[Tensor, "frequencies mels"]:
    """Return triangular filters of unit sum from 0 Hz to 22.05 kHz, evenly spaced and linear on HTK's mel scale."""
    frequencies = torch.arange(FFT_SAMPLES // 2 + 1, dtype=torch.float64) * (RATE / FFT_SAMPLES)
    weights = htk_mel_filters(frequencies, num_mels, 0.0, HIGHEST_HZ)
    return (weights / weights.sum(dim=0).clamp(min=1e-12)).float()
