"""Absolute time-aware encoding."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.connector.released_index import Device, released_index


class TimeEncoding(nn.Module):
    """A learned row per window number, added to all frames of the window.

    Rows start at zero, so training begins with unchanged encoder frames. Windows past the last row share it.

    Source: paper, Eq. 3 (one-hot lookup in W_t) and Eq. 4 (addition).
    """

    def __init__(self, num_rows: int, dim: int, index: Literal["window"] | Device = "window") -> None:
        super().__init__()
        self.index: Literal["window"] | Device = index
        self.weight = nn.Parameter(torch.zeros(num_rows, dim))

    def forward(
        self,
        windows: Float[Tensor, "batch windows window_frames dim"],
        first_window: int = 0,
        num_samples: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch windows window_frames dim"]:
        """Add the encoding; the shape is kept.

        Args:
            windows: of recordings with the same number of frames.
            first_window: the number of the first window in the recording.
            num_samples: each recording's true length, used by the released code's index; None makes all windows valid.
        """
        if self.weight.shape[0] == 0:
            return windows
        rows = self.rows(windows.shape[1], first_window, num_samples).to(windows.device)
        return windows + self.weight[rows][:, :, None].to(windows.dtype)  # keeps the frames' precision under autocast

    def rows(
        self, count: int, first_window: int = 0, num_samples: Sequence[int] | None = None
    ) -> Int[Tensor, "batch windows"]:
        """Return the row of each of `count` windows; the batch is 1 if it is the same for all recordings."""
        if self.index == "window":
            return (torch.arange(count) + first_window).clamp(max=self.weight.shape[0] - 1)[None]
        return released_index(count, num_samples, self.weight.shape[0], self.index)
