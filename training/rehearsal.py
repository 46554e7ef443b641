"""Rehearsal: while a checkpoint learns new sounds, part of every step repeats what it already knows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from training.data.manifest import Row
from training.stage_data import BatchSampler
from training.stages import StageConfig

SHIPPED = Path(__file__).parent / "data" / "rehearsal" / "train.jsonl"
SHIPPED_VALIDATION = SHIPPED.with_name("validate.jsonl")
"""Scenes of every kind that the embedded checkpoint knows; `training.sources.rehearsal` composed them."""


class MixedBatches:
    """Fills a share of each step's batch with rows to rehearse, in their own order.

    An epoch is one pass over the new rows.
    """

    def __init__(self, new: Sequence[Row], known: Sequence[Row], config: StageConfig) -> None:
        size = config.batch_size
        num_known = min(size - 1, max(1, round(config.rehearsal_share * size)))
        self._new = BatchSampler(new, size - num_known, config.seed, config.together)
        self._known = BatchSampler(known, num_known, config.seed + 1, config.together)
        self.steps_per_epoch = self._new.steps_per_epoch

    def at(self, step: int) -> list[Row]:
        """Return the rows of a step, the new ones first."""
        return [*self._new.at(step), *self._known.at(step)]


def with_absolute_paths(rows: Sequence[Row], folder: Path) -> list[Row]:
    """Return the rows with absolute audio paths, so that they can be joined with those of another manifest."""
    return [replace(row, audio=str(row.path(folder.resolve()))) for row in rows]
