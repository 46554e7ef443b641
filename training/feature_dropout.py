"""Dropout on the encoders' features during training."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FeatureDropout(nn.Module):
    """Zero a random share of the encoders' features, the same ones in all frames of a recording.

    One mask per recording, rather than per value, is a stronger regulariser. Per-value masks would also need half a
    million random numbers per recording, which takes longer on a CPU than the connector itself. Under autocast the
    frames are cast once here, instead of once per matrix.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, frames: Float[Tensor, "batch frames dim"]) -> Float[Tensor, "batch frames dim"]:
        """Apply the mask. The shape does not change."""
        device = frames.device.type
        if torch.is_autocast_enabled(device):
            frames = frames.to(torch.get_autocast_dtype(device))
        if not self.training or not self.share:
            return frames
        kept = torch.rand(len(frames), 1, frames.shape[2], device=frames.device) >= self.share
        return frames * (kept / (1 - self.share)).to(frames.dtype)
