"""The window Q-Former: one query token per window."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from model.config import QFormerConfig


@dataclass(frozen=True, slots=True)
class AttentionStats:
    """What the last layer's attention over a segment says about its window tokens.

    Attributes:
        received: mean attention that each token receives from all tokens, averaged over heads (Eq. 5's matrix, by
            column) [batch, windows].
        keys: mean over heads of the self-attention's keys, one per token (Eq. 6's k) [batch, windows, head_dim].
        mass: see `QFormerLayer.mass`; None unless requested.
    """

    received: Float[Tensor, "batch windows"]
    keys: Float[Tensor, "batch windows head_dim"]
    mass: Float[Tensor, "batch windows"] | None = None


class MultiHeadAttention(nn.Module):
    """Multi-head attention; keys and values may have another width than queries. Source: Vaswani et al. 2017."""

    def __init__(self, dim: int, num_heads: int, memory_dim: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(memory_dim, dim)
        self.value = nn.Linear(memory_dim, dim)
        self.output = nn.Linear(dim, dim)

    def forward(
        self,
        hidden: Float[Tensor, "batch queries dim"],
        memory: Float[Tensor, "batch keys memory_dim"],
        is_padding: Bool[Tensor, "batch keys"] | None = None,
    ) -> tuple[Float[Tensor, "batch queries dim"], Float[Tensor, "batch heads queries keys"], Tensor]:
        """Return the output, the attention matrix A = softmax(Q K^T / sqrt(D)) (Eq. 5) and the keys, split by head."""
        query, key, value = (
            layer(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for layer, x in ((self.query, hidden), (self.key, memory), (self.value, memory))
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        if is_padding is not None:
            scores = scores.masked_fill(is_padding[:, None, None], -torch.inf)
        matrix = scores.float().softmax(dim=-1)
        mixed = (matrix.to(value.dtype) @ value).transpose(1, 2).flatten(2)
        return self.output(mixed), matrix, key


class QFormerLayer(nn.Module):
    """Self-attention among a segment's window tokens, cross-attention of each to its own window, feed-forward.

    Post-norm with epsilon 1e-12, as in BERT. With `self_attention = "window"` each token attends only to itself, as in
    the released code, so the attention that it receives is a constant.
    """

    def __init__(self, config: QFormerConfig, frame_dim: int) -> None:
        super().__init__()
        self.attends_itself = config.self_attention == "window"
        self.self_attention = MultiHeadAttention(config.dim, config.num_heads, config.dim)
        self.self_norm = nn.LayerNorm(config.dim, eps=1e-12)
        self.cross_attention = MultiHeadAttention(config.dim, config.num_heads, frame_dim)
        self.cross_norm = nn.LayerNorm(config.dim, eps=1e-12)
        self.expand = nn.Linear(config.dim, config.feed_forward_dim)
        self.contract = nn.Linear(config.feed_forward_dim, config.dim)
        self.feed_forward_norm = nn.LayerNorm(config.dim, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        tokens: Float[Tensor, "batch windows dim"],
        windows: Float[Tensor, "batch windows window_frames frame_dim"],
        is_padding: Bool[Tensor, "windows window_frames"],
        *,
        with_mass: bool = False,
    ) -> tuple[Float[Tensor, "batch windows dim"], AttentionStats]:
        """Return the tokens after this layer, and what its attention says about them."""
        batch, count, _ = tokens.shape
        peers = tokens.view(batch * count, 1, -1) if self.attends_itself else tokens
        mixed, matrix, keys = self.self_attention(peers, peers)
        tokens = self.self_norm(tokens + self.dropout(mixed.view_as(tokens)))
        mass = self.mass(tokens, windows, is_padding) if with_mass else None
        attended, _, _ = self.cross_attention(
            tokens.flatten(0, 1)[:, None], windows.flatten(0, 1), is_padding.repeat(batch, 1)
        )
        tokens = self.cross_norm(tokens + self.dropout(attended.view(batch, count, -1)))
        inner = self.contract(nn.functional.gelu(self.expand(tokens)))
        tokens = self.feed_forward_norm(tokens + self.dropout(inner))
        received, keys = matrix.mean(dim=(1, 2)), keys.mean(dim=1)
        return tokens, AttentionStats(received.view(batch, count), keys.reshape(batch, count, -1), mass)

    def mass(
        self,
        tokens: Float[Tensor, "batch windows dim"],
        windows: Float[Tensor, "batch windows window_frames frame_dim"],
        is_padding: Bool[Tensor, "windows window_frames"],
    ) -> Float[Tensor, "batch windows"]:
        """Return the joint cross-attention mass of each window; the masses sum to 1.

        This is the share of attention that a window's frames would receive, averaged over tokens and heads, if every
        token attended to the frames of the whole segment instead of its own window: Eq. 5 one step earlier.
        """
        _, matrix, _ = self.cross_attention(tokens, windows.flatten(1, 2), is_padding.flatten().expand(len(tokens), -1))
        return matrix.mean(dim=(1, 2)).unflatten(1, is_padding.shape).sum(dim=2)


class WindowQFormer(nn.Module):
    """One learned query, applied to every window of a segment.

    Cross-attention stays inside each window. Self-attention runs over the segment's window tokens, so the last layer's
    matrix is that of Eq. 5, at no extra cost.

    Source: paper, "Segment-level Token Merging"; Li et al. 2023, "BLIP-2", section 3.1.
    Differs: in the released code each query attends only to itself, which makes Eq. 5 a constant.
    """

    def __init__(self, config: QFormerConfig, frame_dim: int, window_frames: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.query_norm = nn.LayerNorm(config.dim, eps=1e-12)
        self.frame_positions = (
            nn.Parameter(torch.randn(window_frames, frame_dim) * 0.02) if config.frame_positions else None
        )
        self.layers = nn.ModuleList(QFormerLayer(config, frame_dim) for _ in range(config.num_layers))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        windows: Float[Tensor, "batch windows window_frames frame_dim"],
        is_padding: Bool[Tensor, "windows window_frames"],
        *,
        with_mass: bool = False,
    ) -> tuple[Float[Tensor, "batch windows dim"], AttentionStats]:
        """Return one token per window of one segment, and what the last layer's attention says about them."""
        if self.frame_positions is not None:
            windows = windows + self.frame_positions.to(windows.dtype)
        batch, count = windows.shape[:2]
        tokens = self.dropout(self.query_norm(self.query)).expand(batch, count, -1)
        attended = None
        for place, layer in enumerate(self.layers, start=1):
            tokens, attended = layer(tokens, windows, is_padding, with_mass=with_mass and place == len(self.layers))
        assert attended is not None
        return tokens, attended
