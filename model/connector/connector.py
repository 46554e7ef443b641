"""Frames to audio tokens: window, time encoding, Q-Former, merging, projection."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.config import ModelConfig
from model.connector.merge import budget, merge_tokens
from model.connector.qformer import WindowQFormer
from model.connector.time_encoding import TimeEncoding
from model.connector.window import to_windows


def segment_sizes(count: int, per_windows: int) -> list[int]:
    """How many windows each segment of the Q-Former has: as even as can be, near `per_windows`.

    With 88: 30 -> [30], 89 -> [89], 178 -> [89, 89], 442 (150 s) -> [89, 89, 88, 88, 88].
    """
    parts = max(1, round(count / per_windows))
    return [count // parts + (i < count % parts) for i in range(parts)]


class Connector(nn.Module):
    """All that stands between the encoders' frames and the language model.

    Source: paper, "Absolute Time-aware Encoding" and "Segment-level Token Merging".
    """

    def __init__(self, config: ModelConfig, frame_dim: int, language_dim: int) -> None:
        super().__init__()
        self.window_frames = config.window.num_frames
        self.merge = config.merge
        self.time_encoding = TimeEncoding(config.time_encoding.num_rows, frame_dim)
        self.qformer = WindowQFormer(config.qformer, frame_dim, self.window_frames)
        self.projection = nn.Linear(config.qformer.dim, language_dim)

    def forward(
        self, frames: Float[Tensor, "batch frames frame_dim"], *, first_window: int = 0, may_merge: bool = True
    ) -> Float[Tensor, "batch tokens language_dim"]:
        """The audio tokens of recordings of one length, all their segments' frames in one row.

        `first_window` is the number of the first window on the recording's clock. Without `may_merge` there is one
        token per window at any length.
        """
        windows, is_padding = to_windows(frames, self.window_frames)
        windows = self.time_encoding(windows, first_window)
        merging = may_merge and self.merge.enabled and windows.shape[1] > self.merge.above_windows
        tokens = []
        first = 0
        for size in segment_sizes(windows.shape[1], self.merge.per_windows):
            part = slice(first, first + size)
            segment, attention = self.qformer(windows[:, part], is_padding[part])
            if merging:
                dominant, contextual = budget(size, self.merge)
                segment = merge_tokens(
                    segment, attention.received, attention.keys, num_dominant=dominant, num_contextual=contextual
                )
            tokens.append(segment)
            first += size
        projected: Tensor = self.projection(torch.cat(tokens, dim=1))
        return projected
