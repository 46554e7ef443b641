"""A small convolutional sound encoder, for checkpoints whose encoder is trained from scratch.

It has the same interface as BEATs: Kaldi filter banks in, 50 frames per second out. Trained from scratch, it was better
than BEATs' architecture at the same size (docs/decisions/0004).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.audio.fbank import WINDOW_SAMPLES, fbank


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvEncoderConfig:
    """Sizes of the convolutional sound encoder."""

    num_mels: int = 128
    """Filter bank bins."""
    channels: tuple[int, ...] = (16, 32, 64, 128, 192)
    """Channels of the stem and of each stage; each of them halves the frequency axis."""
    dilations: tuple[int, ...] = (1, 2, 4)
    """Dilations of the temporal layers at 25 frames per second, in frames."""
    dropout: float = 0.1


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut. Source: He et al. 2015, basic block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, hidden: Float[Tensor, "batch dim time bins"]) -> Float[Tensor, "batch dim time bins"]:
        """Apply the block; the shape is kept."""
        inner = torch.relu(self.norm1(self.conv1(hidden)))
        return torch.relu(hidden + self.norm2(self.conv2(inner)))


class TemporalLayer(nn.Module):
    """A dilated convolution over time with a shortcut, pre-normalised."""

    def __init__(self, dim: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dim)
        self.conv = nn.Conv1d(dim, dim, 5, padding=2 * dilation, dilation=dilation)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Float[Tensor, "batch dim time"]) -> Float[Tensor, "batch dim time"]:
        """Apply the layer; the shape is kept."""
        return hidden + self.dropout(self.conv(torch.relu(self.norm(hidden))))


class ConvEncoder(nn.Module):
    """Turns filter banks into sound features: 25 frames per second inside, each output twice.

    Source: ours; it takes the place of G_BEATs in the paper's Eq. 2.
    """

    def __init__(self, config: ConvEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.num_mels = config.num_mels
        self.dim = config.channels[-1]
        stem, *stages = config.channels
        self.stem = nn.Sequential(
            nn.Conv2d(1, stem, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(stem), nn.ReLU()
        )
        layers: list[nn.Module] = []
        previous = stem
        for index, channels in enumerate(stages):
            stride = (2, 2) if index == 0 else (1, 2)
            layers += [
                nn.Conv2d(previous, channels, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                ResidualBlock(channels),
            ]
            previous = channels
        self.stages = nn.Sequential(*layers)
        self.temporal = nn.Sequential(*(TemporalLayer(self.dim, d, config.dropout) for d in config.dilations))

    def encode_frames(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames dim"]:
        """Encode segments of one length, a multiple of 320 samples, into one frame per 320 samples."""
        num_frames = waveforms.shape[1] // 320
        # A last segment may be shorter than one 25 ms frame of the filter bank.
        waveforms = nn.functional.pad(waveforms, (0, max(0, WINDOW_SAMPLES - waveforms.shape[1])))
        return self.encode(fbank(waveforms, num_mels=self.num_mels), num_frames)

    def encode(
        self, banks: Float[Tensor, "batch bank_frames bins"], num_frames: int
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode a normalised filter bank with 100 frames per second, cut or extended to `num_frames`."""
        # The filter bank ends with its last whole 25 ms frame: repeat that frame for the rest.
        missing = max(0, 2 * num_frames - banks.shape[1])
        banks = torch.cat([banks, banks[:, -1:].expand(-1, missing, -1)], dim=1)
        hidden = self.stages(self.stem(banks[:, None]))
        hidden = hidden.mean(dim=3) + hidden.amax(dim=3)
        hidden = self.temporal(hidden).transpose(1, 2)
        return hidden.repeat_interleave(2, dim=1)[:, :num_frames]
