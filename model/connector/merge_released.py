"""Token merging as the released code does it: for its weights, and to reproduce its numbers.

What differs from `model/connector/merge.py`: segments of 44 windows, not 88; each keeps 22 + 4 whatever its length; the
rest is compared by the tokens themselves, not by attention keys; a contextual token is its target *plus* the mean of
what joined it, about twice as long as a token; and all contextual tokens stand after the dominant ones.

The released code's score is a constant, 1/17, so rounding noise picks its dominant tokens, otherwise on every machine.
The picks are therefore given from outside, or, where nobody gives any, spread evenly.

Source: authors' released code.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.config import MergeConfig


def released_segment_sizes(count: int, per_windows: int) -> list[int]:
    """How many windows each segment has: all equally many, and the last one the remainder too.

    With 44: 88 -> [44, 44], 183 -> [45, 45, 45, 48], 264 -> six of 44.
    """
    parts = max(1, count // per_windows)
    size = count // parts
    return [size] * (parts - 1) + [count - size * (parts - 1)]


def even_picks(count: int, num_dominant: int) -> Int[Tensor, " dominant"]:
    """The middles of `num_dominant` equal stretches of a segment: under a constant score any pick is as good."""
    return (2 * torch.arange(num_dominant) + 1) * count // (2 * num_dominant)


def picks_of_scores(scores: Float[Tensor, " windows"], config: MergeConfig) -> Int[Tensor, "segments dominant"]:
    """The windows with the highest scores of each segment, in time order, counted from the recording's first."""
    sizes = released_segment_sizes(len(scores), config.per_windows)
    first, picks = 0, []
    for size in sizes:
        picks.append(scores[first : first + size].topk(config.num_dominant).indices.sort().values + first)
        first += size
    return torch.stack(picks)


def merge_released(
    tokens: Float[Tensor, "batch windows dim"], picks: Int[Tensor, "batch dominant"], num_contextual: int
) -> Float[Tensor, "batch merged dim"]:
    """The picked tokens in time order, then each contextual one.

    Of the rest, every (rest // num_contextual)-th from the first is a target. Every other joins the target that is most
    like it by cosine.

    Args:
        tokens: of one segment.
        picks: which of its windows are dominant, counted from the segment's first, ascending.
        num_contextual: targets.

    Raises:
        ValueError: fewer windows than the picks and the targets together.
    """
    batch, count, dim = tokens.shape
    num_rest = count - picks.shape[1]
    if num_rest < num_contextual:
        raise ValueError(f"{count} windows cannot become {picks.shape[1]} + {num_contextual} tokens.")
    is_dominant = torch.zeros(batch, count, dtype=torch.bool, device=tokens.device).scatter(1, picks, True)
    dominant = tokens[is_dominant].view(batch, -1, dim)
    if num_contextual == 0:
        return dominant
    rest = tokens[~is_dominant].view(batch, num_rest, dim)
    target_place = torch.arange(num_contextual, device=tokens.device) * max(1, num_rest // num_contextual)
    is_target = torch.zeros(num_rest, dtype=torch.bool, device=tokens.device)
    is_target[target_place] = True
    targets, others = rest[:, target_place], rest[:, ~is_target]
    similarity = F.normalize(others, dim=2) @ F.normalize(targets, dim=2).transpose(1, 2)  # [batch, others, contextual]
    member = F.one_hot(similarity.argmax(dim=2), num_contextual).to(tokens.dtype)
    joined = member.transpose(1, 2) @ others / member.sum(dim=1).clamp(min=1)[..., None]
    return torch.cat([dominant, targets + joined], dim=1)
