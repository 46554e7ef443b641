"""How the connector learns to bring what a spoken section tells to the token in which it begins.

A small language model looks up a section's words where its time is (DECISIONS.md, 50); the facts are told seconds
later, and the Q-Former's self-attention has to fetch them. From the answers alone it learns that late.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from model.connector.qformer import Attended
from training.data.bulletins import FACTS
from training.data.timelines import Timeline

SIZES = [len(values) for values in FACTS.values()]
"""How many values answer who, did and where: a timeline's last numbers, in this order."""


class FactReader(nn.Module):
    """A linear map that reads from tokens who did what and where; it is thrown away."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, sum(SIZES))

    def loss(
        self, segments: Sequence[tuple[Float[Tensor, "batch _ dim"], Attended]], timelines: Sequence[Timeline]
    ) -> Float[Tensor, ""]:
        """The mean cross-entropy of a fact, from the tokens before they are merged; 0 where none is told."""
        tokens = torch.cat([part for part, _ in segments], dim=1)
        told = torch.from_numpy(np.stack([timeline.told[:, -sum(SIZES) :] for timeline in timelines]))
        losses = []
        for logits, wanted in zip(
            self.linear(tokens).float().split(SIZES, dim=2), told.split(SIZES, dim=2), strict=True
        ):
            heard = wanted.any(dim=2)
            losses.append(functional.cross_entropy(logits[heard], wanted[heard].argmax(dim=1), reduction="sum"))
        return torch.stack(losses).sum() / told.sum().clamp(min=1)
