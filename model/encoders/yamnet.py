"""YAMNet: a MobileNet that was trained to label the sounds of AudioSet, without its last layers and its classifier.

Source: Plakal and Ellis, "YAMNet", TensorFlow Model Garden, 2019 (Apache-2.0); Howard et al., "MobileNets", 2017. The
spectrogram is YAMNet's: 16 kHz, periodic Hann windows of 25 ms every 10 ms, magnitudes, 64 mel bands from 125 to
7,500 Hz on HTK's scale, log(S + 0.001). Differs: the original labels patches of 0.96 s; here the convolutions run over
the whole waveform, and the last halving of the time axis is left out, so that there are features every 0.16 s.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from model.audio.mel_filters import htk_mel_filters
from model.audio.segment import FRAME_SAMPLES
from model.audio.waveform import SAMPLE_RATE
from model.encoders.cells import interpolate_cells

WINDOW_SAMPLES = 400
HOP_SAMPLES = 160
FFT_SAMPLES = 512
LOWEST_HZ, HIGHEST_HZ = 125.0, 7500.0
OFFSET = 0.001
"""What is added to the mel energies before the logarithm."""

STRIDES = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Strides of the first convolution and of the depthwise ones, in time and frequency."""
UNSTRIDED = 12
"""The convolution that here keeps its stride only in frequency. In the original, it also halves the time axis."""

CELL_STEPS = 16
"""Steps of the spectrogram from one cell of the output to the next: 0.16 s."""
CELL_SAMPLES = CELL_STEPS * HOP_SAMPLES
CENTRE_STEPS = 31
"""The step in the middle of the first cell's input: each strided convolution looks ahead by half of its input."""
LEAD_SAMPLES = 32 * HOP_SAMPLES
"""Silence before the waveform, so that the first cell describes the waveform's start."""
FIRST_CENTRE = CENTRE_STEPS * HOP_SAMPLES + WINDOW_SAMPLES // 2 - LEAD_SAMPLES
"""The sample in the middle of the first cell's input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YamnetConfig:
    """Sizes of the network; the defaults are those of the published network up to its 13th layer."""

    num_mels: int = 64
    channels: tuple[int, ...] = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024)
    """Channels after the first convolution and after each pair of a depthwise and a pointwise convolution."""


class YamnetEncoder(nn.Module):
    """Turns waveforms into sound features: 6.25 per second inside, interpolated to 50 frames per second.

    Batch normalisation is part of the weights.
    """

    def __init__(self, config: YamnetConfig) -> None:
        super().__init__()
        self.config = config
        self.dim = config.channels[-1]
        self.first = nn.Conv2d(1, config.channels[0], 3)
        pairs = list(zip(config.channels, config.channels[1:], strict=False))
        self.depthwise = nn.ModuleList(nn.Conv2d(before, before, 3, groups=before) for before, _ in pairs)
        self.pointwise = nn.ModuleList(nn.Conv2d(before, after, 1) for before, after in pairs)
        # Channels last is faster on a CPU; torch's stubs lack this overload.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode_frames(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames dim"]:
        """Encode segments of one length, a multiple of 320 samples, into one frame per 320 samples."""
        cells = math.ceil(waveforms.shape[1] / CELL_SAMPLES) + 1
        # Two more cells, so that the convolutions look ahead into silence, which differs from their own padding.
        steps = (cells + 2) * CELL_STEPS
        after = (steps - 1) * HOP_SAMPLES + WINDOW_SAMPLES - LEAD_SAMPLES - waveforms.shape[1]
        padded = F.pad(waveforms, (LEAD_SAMPLES, max(0, after)))
        hidden = _strided(self.first, log_mel(padded, self.config.num_mels)[:, None, :steps], STRIDES[0])
        for number, (depthwise, pointwise) in enumerate(zip(self.depthwise, self.pointwise, strict=True), 1):
            hidden = _strided(depthwise, hidden, STRIDES[number], keeps_time=number == UNSTRIDED)
            hidden = F.relu6(pointwise(hidden), inplace=True)
        pooled = hidden.mean(dim=3).transpose(1, 2)[:, :cells]
        return interpolate_cells(pooled, waveforms.shape[1] // FRAME_SAMPLES, first=FIRST_CENTRE, spacing=CELL_SAMPLES)


def _strided(conv: nn.Module, hidden: Tensor, stride: int, *, keeps_time: bool = False) -> Tensor:
    """Apply a 3x3 convolution and ReLU6 with TensorFlow's padding. A strided one pads an even input only at its end."""
    assert isinstance(conv, nn.Conv2d)
    sides = (1, 1) if stride == 1 else (0, 1)
    in_time = (0, 2) if keeps_time else sides
    padded = F.pad(hidden, (*sides, *in_time))
    strides = (1, stride) if keeps_time else (stride, stride)
    return F.conv2d(padded, conv.weight, conv.bias, strides, groups=conv.groups).clamp_(0, 6)


def log_mel(waveforms: Float[Tensor, "batch samples"], num_mels: int = 64) -> Float[Tensor, "batch steps mels"]:
    """Return the log mel energies of waveforms, without padding: step i covers samples 160 i to 160 i + 399."""
    window = torch.hann_window(WINDOW_SAMPLES, device=waveforms.device)
    magnitude = torch.fft.rfft(waveforms.unfold(1, WINDOW_SAMPLES, HOP_SAMPLES) * window, FFT_SAMPLES).abs()
    return (magnitude @ _mel_filters(num_mels).to(magnitude.device) + OFFSET).log()


@lru_cache(maxsize=2)
def _mel_filters(num_mels: int) -> Float[Tensor, "frequencies mels"]:
    frequencies = torch.arange(FFT_SAMPLES // 2 + 1, dtype=torch.float64) * (SAMPLE_RATE / FFT_SAMPLES)
    return htk_mel_filters(frequencies, num_mels, LOWEST_HZ, HIGHEST_HZ).float()
