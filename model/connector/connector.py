"""Turn frames into audio tokens: windows, time encoding, Q-Former, merging, projection."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from model.config import ModelConfig
from model.connector.anchors import interleave
from model.connector.merge import budget, dominance, merge_tokens
from model.connector.merge_released import even_picks, merge_released, released_segment_sizes
from model.connector.qformer import AttentionStats, WindowQFormer
from model.connector.time_encoding import TimeEncoding
from model.connector.window import to_windows


def segment_sizes(count: int, per_windows: int) -> list[int]:
    """Return the number of windows in each Q-Former segment: as equal as possible, close to `per_windows`.

    With 88: 30 -> [30], 89 -> [89], 178 -> [89, 89], 442 (150 s) -> [89, 89, 88, 88, 88].
    """
    parts = max(1, round(count / per_windows))
    return [count // parts + (i < count % parts) for i in range(parts)]


class Connector(nn.Module):
    """Everything between the encoders' frames and the language model.

    Source: paper, "Absolute Time-aware Encoding" and "Segment-level Token Merging".
    """

    def __init__(self, config: ModelConfig, frame_dim: int, language_dim: int) -> None:
        super().__init__()
        self.window = config.window
        self.merge = config.merge
        self.time_encoding = TimeEncoding(config.time_encoding.num_rows, frame_dim, config.time_encoding.index)
        self.qformer = WindowQFormer(config.qformer, frame_dim, self.window.num_frames)
        self.projection = nn.Linear(config.qformer.dim, language_dim)

    def forward(
        self,
        frames: Float[Tensor, "batch frames frame_dim"],
        num_samples: Sequence[int] | None = None,
        *,
        first_window: int = 0,
        may_merge: bool = True,
        anchors: tuple[Float[Tensor, "anchors language_dim"], Sequence[int]] | None = None,
    ) -> Float[Tensor, "batch tokens language_dim"]:
        """Return the audio tokens of recordings of one length.

        Args:
            frames: of all segments, one after the other.
            num_samples: only used by checkpoints of the released code, see `windows`.
            first_window: the number of the first window in the recording.
            may_merge: if False, there is one token per window at any length.
            anchors: embeddings to insert among the tokens, and the window before which each belongs.
        """
        segments = self.attended_windows(*self.windows(frames, num_samples, first_window))
        tokens, places = self.merged(segments) if may_merge else self.unmerged(segments)
        projected: Tensor = self.projection(tokens)
        return projected if anchors is None else interleave(projected, places, *anchors)

    @staticmethod
    def unmerged(
        segments: Sequence[tuple[Float[Tensor, "batch _ dim"], AttentionStats]],
    ) -> tuple[Float[Tensor, "batch windows dim"], Int[Tensor, "batch windows"]]:
        """Return the tokens of all segments, one per window, and the windows' numbers."""
        tokens = torch.cat([part for part, _ in segments], dim=1)
        return tokens, torch.arange(tokens.shape[1], device=tokens.device).expand(len(tokens), -1)

    def windows(
        self,
        frames: Float[Tensor, "batch frames frame_dim"],
        num_samples: Sequence[int] | None = None,
        first_window: int = 0,
    ) -> tuple[Float[Tensor, "batch windows window_frames frame_dim"], Bool[Tensor, "windows window_frames"]]:
        """Group the frames into windows with time encoding, and mark the frames that are padding.

        `num_samples` is each recording's true length, on which the released code's time index depends.
        """
        windows, is_padding = to_windows(frames, self.window.num_frames, drop_rest=self.window.drop_rest)
        return self.time_encoding(windows, first_window, num_samples=num_samples), is_padding

    def attended_windows(
        self,
        windows: Float[Tensor, "batch windows window_frames frame_dim"],
        is_padding: Bool[Tensor, "windows window_frames"],
    ) -> list[tuple[Float[Tensor, "batch _ dim"], AttentionStats]]:
        """Run the Q-Former on each segment: one token per window, and what its attention says about them."""
        released = self.merge.method == "released"
        sizes = (released_segment_sizes if released else segment_sizes)(windows.shape[1], self.merge.per_windows)
        stretches = zip(windows.split(sizes, dim=1), is_padding.split(sizes), strict=True)
        with_mass = self.merge.score == "cross_attention"
        return [self.qformer(part, padding, with_mass=with_mass) for part, padding in stretches]

    def merged(
        self,
        segments: list[tuple[Float[Tensor, "batch _ dim"], AttentionStats]],
        picks: Int[Tensor, "batch segments dominant"] | None = None,
    ) -> tuple[Float[Tensor, "batch tokens dim"], Int[Tensor, "batch tokens"]]:
        """Concatenate all segments' tokens, merged if merging is enabled and the recording is long enough.

        Also return each token's window; it is always 0 with the released method, which does not keep time order.
        `picks`, numbered from the recording's first window, are that method's dominant tokens; giving them enables
        merging.
        """
        enabled = self.merge.enabled or picks is not None
        if not enabled or sum(tokens.shape[1] for tokens, _ in segments) <= self.merge.above_windows:
            return self.unmerged(segments)
        if self.merge.method == "released":
            merged = torch.cat(self._merged_as_released([tokens for tokens, _ in segments], picks), dim=1)
            return merged, torch.zeros(merged.shape[:2], dtype=torch.long, device=merged.device)
        kept, places, first = [], [], 0
        for tokens, attended in segments:
            dominant, contextual = budget(tokens.shape[1], self.merge)
            scores = dominance(self.merge, tokens, attended, dominant)
            some, place = merge_tokens(
                tokens, scores, attended.keys, num_dominant=dominant, num_contextual=contextual
            )  # fmt: skip
            kept.append(some)
            places.append(place + first)
            first += tokens.shape[1]
        return torch.cat(kept, dim=1), torch.cat(places, dim=1)

    def _merged_as_released(self, segments: list[Tensor], picks: Tensor | None) -> list[Tensor]:
        merged, first = [], 0
        for number, tokens in enumerate(segments):
            count = tokens.shape[1]
            own = even_picks(count, self.merge.num_dominant)[None] if picks is None else picks[:, number] - first
            own = own.to(tokens.device).expand(len(tokens), -1)
            merged.append(merge_released(tokens, own, self.merge.num_contextual))
            first += count
        return merged
