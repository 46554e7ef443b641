"""Choose the best state of a stage that rehearses, by its losses on the new rows and on held-out rehearsal rows.

Losses need no decoding, so a measurement takes seconds. On a handful of rows, they also show changes that scores of
answers would miss.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from training.blend import Blend
from training.data.manifest import Row
from training.learner import Learner
from training.stage_data import lengths
from training.training_setup import TrainingSetup

START = "start-losses.json"
FORGETS = float("-inf")
"""The value of a state that lost too much of what the start knew."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Cross-entropy per token of the answers, on the user's held-out rows and on the held-out rehearsal rows."""

    new: float
    known: float


@dataclass(frozen=True, slots=True)
class GuardedValidation:
    """Measures the blended weights on held-out rows. The run's folder keeps the start's losses."""

    setup: TrainingSetup
    blend: Blend
    new: Sequence[Row]
    known: Sequence[Row]
    run: Path
    log: Callable[..., None]

    def measure(self) -> float:
        """Return the new rows' loss, negated, or `FORGETS`. The first call must measure the start."""
        with self.blend.applied():
            losses = Losses(self._loss(self.new), self._loss(self.known))
        start = self.start or losses
        if self.start is None and self.setup.accelerator.is_main_process:
            part = self.run / f"{START}.part"
            part.write_text(json.dumps({"new": losses.new, "known": losses.known}), encoding="utf-8")
            part.replace(self.run / START)  # other processes may read it at any time
        limit = start.known * (1 + self.setup.config.most_forgotten)
        forgets = losses.known > limit
        remark = f"; over the limit of {limit:.3f}, so this state is not kept" if forgets else ""
        self.log(
            f"validation: loss on your clips {losses.new:.3f} (start {start.new:.3f}), on rehearsal rows"
            f" {losses.known:.3f} (start {start.known:.3f}{remark})"
        )
        return FORGETS if forgets else -losses.new

    @property
    def start(self) -> Losses | None:
        """The start's losses, once they are measured."""
        path = self.run / START
        return Losses(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    @torch.no_grad()
    def _loss(self, rows: Sequence[Row]) -> float:
        learner, size = self.setup.learner, self.setup.config.micro_batch_size
        assert isinstance(learner, Learner), "an alignment does not rehearse"
        order = sorted(rows, key=lambda row: row.audio)  # rows of a recording may share its audio tokens
        learner.eval()
        total = weight = 0.0
        try:
            for first in range(0, len(order), size):
                part = order[first : first + size]
                examples = [learner.example(row) for row in part]
                samples = lengths(part)
                with self.setup.accelerator.autocast():
                    total += float(learner(self.setup.features.frames(part), samples, examples))
                weight += learner.loss_weight(examples)
        finally:
            learner.train()
        return total / weight
