"""Absolute time-aware encoding."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class TimeEncoding(nn.Module):
    """A learned row per window number, added to all frames of the window.

    Rows start at zero, so that training begins from what the encoders give. Windows after the last row share it.

    Source: paper, Eq. 3 (one-hot lookup in W_t) and Eq. 4 (addition).
    """

    def __init__(self, num_rows: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_rows, dim))

    def forward(
        self, windows: Float[Tensor, "batch windows window_frames dim"], first_window: int = 0
    ) -> Float[Tensor, "batch windows window_frames dim"]:
        """Shape is kept. `first_window` is the number of the first window on the recording's clock."""
        if self.weight.shape[0] == 0:
            return windows
        number = torch.arange(windows.shape[1], device=windows.device) + first_window
        return windows + self.weight[number.clamp(max=self.weight.shape[0] - 1), None]
