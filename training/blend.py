"""Weights part of the way from the start of a stage to where training took them.

A few clips pull weights further than they can justify: the model then reports the new sound everywhere. A point on the
way keeps most of what was learned and most of what was known.

Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", weight-space ensembles (WiSE-FT).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Blend:
    """The trained weights of a module, `share` of the way from those at the time of construction.

    Adapters start as zero, so scaling their second factor scales their product.
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
        """Replace the trained weights."""
        for parameter, start in self._start.values():
            parameter.lerp_(start, 1 - self._share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Replace the trained weights inside the context."""
        trained = [parameter.detach().clone() for parameter, _ in self._start.values()]
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                for (parameter, _), weights in zip(self._start.values(), trained, strict=True):
                    parameter.copy_(weights)
