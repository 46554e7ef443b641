"""Fuse the two encoders' frames: normalise each, then concatenate them."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Fusion(nn.Module):
    """LayerNorm of each encoder's frames, then concatenation per frame.

    Source: paper, Eq. 2.
    """

    def __init__(self, speech_dim: int, sound_dim: int) -> None:
        super().__init__()
        self.speech_norm = nn.LayerNorm(speech_dim)
        self.sound_norm = nn.LayerNorm(sound_dim)
        self.dim = speech_dim + sound_dim

    def forward(
        self, speech: Float[Tensor, "batch speech_frames speech"], sound: Float[Tensor, "batch sound_frames sound"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Concatenate frame i of one encoder with frame i of the other.

        If one has fewer frames, which only happens with the released code's encoding, it is padded with zeros.
        """
        sides = [self.speech_norm(speech), self.sound_norm(sound)]
        longest = max(side.shape[1] for side in sides)
        return torch.cat([F.pad(side, (0, 0, 0, longest - side.shape[1])) for side in sides], dim=-1)
