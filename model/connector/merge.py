"""Segment-level token merging: keep the attentive tokens, cluster the rest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.config import MergeConfig
from model.connector.qformer import AttentionStats


def budget(count: int, config: MergeConfig) -> tuple[int, int]:
    """Return how many dominant and contextual tokens a segment of `count` windows keeps.

    The share is constant: 88 windows keep 22 + 4, 44 keep 11 + 2, 90 keep 22 + 4 (at most `count` in all).
    """
    dominant = max(1, round(count * config.num_dominant / config.per_windows))
    contextual = max(1, round(count * config.num_contextual / config.per_windows)) if config.num_contextual else 0
    dominant = min(dominant, count)
    return dominant, min(contextual, count - dominant)


def dominance(
    config: MergeConfig,
    tokens: Float[Tensor, "batch windows dim"],
    attended: AttentionStats,
    count: int,
) -> Float[Tensor, "batch windows"]:
    """Return the scores that select the `count` dominant tokens: Eq. 5, or one of three ablations of it."""
    if config.score == "cross_attention":
        assert attended.mass is not None, "call the Q-Former with with_mass=True"
        return attended.mass
    if config.score == "norm":
        return tokens.norm(dim=2)
    if config.score == "uniform":
        windows = tokens.shape[1]
        places = (2 * torch.arange(count, device=tokens.device) + 1) * windows // (2 * count)
        return torch.zeros_like(attended.received).index_fill(1, places, 1.0)
    return attended.received


def merge_tokens(
    tokens: Float[Tensor, "batch windows dim"],
    scores: Float[Tensor, "batch windows"],
    keys: Float[Tensor, "batch windows head_dim"],
    *,
    num_dominant: int,
    num_contextual: int,
) -> tuple[Float[Tensor, "batch merged dim"], Int[Tensor, "batch merged"]]:
    """Return the dominant tokens and contextual means of the rest, in time order, and the window of each.

    Dominant tokens have the highest scores. Evenly spaced tokens of the rest are targets; each other token joins the
    target whose key has the greatest dot product with its own (Eq. 6). A contextual token is the mean of a target and
    the tokens that joined it, and takes the target's window.

    Raises:
        ValueError: there are fewer windows than num_dominant + num_contextual.

    Source: paper, "Attentive Tokens Selection", "Cluster-based Tokens Merging", Eq. 5 and 6.
    Differs: the released code adds the mean to the target, compares hidden states by cosine, and puts the contextual
        tokens after all dominant ones.
    """
    batch, count, dim = tokens.shape
    num_rest = count - num_dominant
    if num_rest < num_contextual:
        raise ValueError(f"{count} windows cannot become {num_dominant} + {num_contextual} tokens.")
    if num_contextual == 0:
        kept = scores.topk(num_dominant, dim=1).indices.sort(dim=1).values
        return tokens.gather(1, kept[..., None].expand(-1, -1, dim)), kept
    order = scores.topk(count, dim=1).indices
    dominant = order[:, :num_dominant].sort(dim=1).values
    rest = order[:, num_dominant:].sort(dim=1).values

    # The middles of num_contextual equal stretches of the rest.
    stretch = torch.arange(num_contextual, device=tokens.device)
    target_place = (2 * stretch + 1) * num_rest // (2 * num_contextual)
    rest_keys = keys.gather(1, rest[..., None].expand(-1, -1, keys.shape[2])).float()
    similarity = rest_keys @ rest_keys[:, target_place].transpose(1, 2)  # [batch, rest, contextual]
    cluster = similarity.argmax(dim=2)
    cluster[:, target_place] = stretch  # a target belongs to itself
    member = torch.nn.functional.one_hot(cluster, num_contextual).to(tokens.dtype)  # [batch, rest, contextual]
    rest_tokens = tokens.gather(1, rest[..., None].expand(-1, -1, dim))
    contextual = member.transpose(1, 2) @ rest_tokens / member.sum(dim=1)[..., None]

    place = torch.cat([dominant, rest[:, target_place]], dim=1)
    kept = torch.cat([tokens.gather(1, dominant[..., None].expand(-1, -1, dim)), contextual], dim=1)
    place, in_time = place.sort(dim=1)
    return kept.gather(1, in_time[..., None].expand(-1, -1, dim)), place
