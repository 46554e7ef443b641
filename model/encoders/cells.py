"""Frames of 20 ms from the coarser cells of a network that pools time."""

import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.segment import FRAME_SAMPLES


def interpolate_cells(
    cells: Float[Tensor, "batch cells dim"], num_frames: int, *, first: int | float, spacing: int | float
) -> Float[Tensor, "batch frames dim"]:
    """Interpolate each frame's features linearly between the cells around its middle.

    The middle of cell k is at sample `first + spacing * k`. Frame t covers samples 320 t to 320 (t + 1). Frames before
    the first cell's middle, or after the last cell's, get that cell's features.
    """
    middles = (torch.arange(num_frames, dtype=torch.float64) + 0.5) * FRAME_SAMPLES
    places = ((middles - first) / spacing).clamp(0, cells.shape[1] - 1)
    before = places.long().clamp(max=max(0, cells.shape[1] - 2))
    share = (places - before).to(cells)[:, None]
    before = before.to(cells.device)
    after = (before + 1).clamp(max=cells.shape[1] - 1)
    return cells[:, before] * (1 - share) + cells[:, after] * share
