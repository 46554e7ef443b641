"""What an encoder's frames are asked in stage 0: which kinds sound, begin and end in each."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from training.data.composer import PlacedEvent

FRAME_SAMPLES = 320
EDGE_FRAMES = 3
"""Frames on each side of an onset or offset that count as it: 60 ms."""


class FrameHead(nn.Module):
    """Per frame and kind: is it sounding, does it begin, does it end."""

    def __init__(self, dim: int, num_kinds: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.linear = nn.Linear(dim, 3 * num_kinds)
        nn.init.constant_(self.linear.bias, -4.0)  # most kinds are silent at most times

    def forward(self, frames: Float[Tensor, "batch frames dim"]) -> Float[Tensor, "batch frames outputs"]:
        """Logits: activity, onset, offset of every kind, in this order."""
        logits: Tensor = self.linear(self.norm(frames))
        return logits


def frame_targets(
    events: Sequence[PlacedEvent], kinds: Sequence[str], num_frames: int
) -> Float[np.ndarray, "frames outputs"]:
    """What `FrameHead` should say: 1 where the middle of a frame is inside an event, or within 60 ms of an edge."""
    targets = np.zeros((num_frames, 3 * len(kinds)), dtype=np.float32)
    place = {name: column for column, name in enumerate(kinds)}
    count = len(kinds)
    for event in events:
        if event.kind not in place:
            continue
        column = place[event.kind]
        first, last = round(event.start / FRAME_SAMPLES), round(event.end / FRAME_SAMPLES)
        targets[first:last, column] = 1
        targets[max(0, first - EDGE_FRAMES) : first + EDGE_FRAMES, count + column] = 1
        targets[max(0, last - EDGE_FRAMES) : last + EDGE_FRAMES, 2 * count + column] = 1
    return targets
