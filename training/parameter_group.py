"""Parameters of a trained module, grouped by learning rate and weight decay."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Parameters that share a learning rate; `scale` multiplies the stage's rate."""

    parameters: Sequence[nn.Parameter]
    scale: float = 1.0
    weight_decay: bool = True


def by_weight_decay(parameters: Sequence[nn.Parameter], scale: float) -> list[ParameterGroup]:
    """Return two groups: the matrices, and the biases and norms, which have no weight decay."""
    return [
        ParameterGroup([p for p in parameters if p.ndim > 1], scale),
        ParameterGroup([p for p in parameters if p.ndim <= 1], scale, weight_decay=False),
    ]
