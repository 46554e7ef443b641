"""Losses and steps of an alignment, for tests of what it learns."""

from collections.abc import Sequence

import torch
from torch import Tensor

from training.aligner import Aligner
from training.data.manifest import Row

SECONDS = 3.06
"""The length of each recording: nine windows."""


def loss_of(aligner: Aligner, rows: Sequence[Row], frames: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the mean loss of recordings, given as the encoders' frames."""
    examples = [aligner.example(row) for row in rows]
    total: Tensor = aligner(frames, [round(SECONDS * 16_000)] * len(rows), examples)
    return total / aligner.loss_weight(examples)


def fit(aligner: Aligner, rows: Sequence[Row], frames: Sequence[tuple[Tensor, Tensor]], steps: int) -> list[float]:
    """Train, and return the loss before each step."""
    optimizer = torch.optim.AdamW([p for g in aligner.groups() for p in g.parameters], lr=5e-3)
    losses = []
    for _ in range(steps):
        loss = loss_of(aligner.train(), rows, frames)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses
