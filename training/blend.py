"""Interpolate between the weights at the start of a stage and the trained weights.

Training on a few clips moves the weights further than so little data justifies: the model then reports the new sound
everywhere. A point in between keeps most of what the model learned and most of what it knew.

Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", weight-space ensembles (WiSE-FT).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Blend:
    """Moves a module's trained weights to `share` of the way from their values at construction to their current ones.

    The product of an adapter's two factors starts at zero, so scaling the second factor scales the product.
    """

    def __init__(self, module: nn.Module, share: float) -> None:
        self._share = share
        self._start = {
            name: (parameter, parameter.detach().clone())
            for name, parameter in module.named_parameters()
            if parameter.requires_grad and "lora_A" not in name
        }

    @torch.no_grad()
    def apply(self) -> None:
        """Replace the trained weights with the interpolated ones."""
        for parameter, start in self._start.values():
            parameter.lerp_(start, 1 - self._share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Replace the trained weights with the interpolated ones inside the context."""
        trained = [parameter.detach().clone() for parameter, _ in self._start.values()]
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                for (parameter, _), weights in zip(self._start.values(), trained, strict=True):
                    parameter.copy_(weights)
