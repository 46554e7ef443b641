"""Token merging as in the released code, to run its weights and to reproduce its numbers.

Differences from `model/connector/merge.py`: segments have 44 windows, not 88; each keeps 22 + 4 whatever its length;
the rest is compared by the tokens, not by attention keys; a contextual token is its target *plus* the mean of the
tokens that joined it, so its norm is about twice a token's; and all contextual tokens follow the dominant ones.

The released code's score is a constant, 1/17, so rounding noise picks its dominant tokens, differently on each machine.
The caller may therefore give the picks; by default they are evenly spaced.

Source: authors' released code.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.config import MergeConfig


def released_segment_sizes(count: int, per_windows: int) -> list[int]:
    """Return the number of windows in each segment: all equal, but the last one also gets the remainder.

    With 44: 88 -> [44, 44], 183 -> [45, 45, 45, 48], 264 -> six of 44.
    """
    parts = max(1, count // per_windows)
    size = count // parts
    return [size] * (parts - 1) + [count - size * (parts - 1)]


def even_picks(count: int, num_dominant: int) -> Int[Tensor, " dominant"]:
    """Return the middles of `num_dominant` equal stretches of a segment: with a constant score, any pick will do."""
    return (2 * torch.arange(num_dominant) + 1) * count // (2 * num_dominant)


def picks_of_scores(scores: Float[Tensor, " windows"], config: MergeConfig) -> Int[Tensor, "segments dominant"]:
    """Return each segment's windows with the highest scores, in time order, numbered from the recording's first."""
    sizes = released_segment_sizes(len(scores), config.per_windows)
    first, picks = 0, []
    for size in sizes:
        picks.append(scores[first : first + size].topk(config.num_dominant).indices.sort().values + first)
        first += size
    return torch.stack(picks)


def merge_released(
    tokens: Float[Tensor, "batch windows dim"], picks: Int[Tensor, "batch dominant"], num_contextual: int
) -> Float[Tensor, "batch merged dim"]:
    """Return the picked tokens in time order, then the contextual tokens.

    Of the rest, every (rest // num_contextual)-th from the first is a target. Each other token joins the target with
    the greatest cosine similarity.

    Args:
        tokens: of one segment.
        picks: its dominant windows, numbered from the segment's first, ascending.
        num_contextual: number of targets.

    Raises:
        ValueError: there are fewer windows than picks and targets together.
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
