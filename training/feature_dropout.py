"""What frames go through on their way to the connector while it trains."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FeatureDropout(nn.Module):
    """Zeroes a share of the encoders' features throughout a recording, another choice for each recording.

    A mask per recording and not per number: it is a stronger regulariser, and on a CPU drawing half a million numbers a
    recording would take longer than the connector. Under autocast the frames are cast once here, not by every matrix.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, frames: Float[Tensor, "batch frames dim"]) -> Float[Tensor, "batch frames dim"]:
        """Shape is kept."""
        device = frames.device.type
        if torch.is_autocast_enabled(device):
            frames = frames.to(torch.get_autocast_dtype(device))
        if not self.training or not self.share:
            return frames
        kept = torch.rand(len(frames), 1, frames.shape[2], device=frames.device) >= self.share
        return frames * (kept / (1 - self.share)).to(frames.dtype)
