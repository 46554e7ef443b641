"""Audio tokens of recordings that the connector was not trained on, for the language model to learn from.

A connector represents the recordings that it was trained on more clearly than any others. A language model that
trains on those tokens alone trusts the tokens of new recordings too much. Some of the rows of a stage therefore go
through another connector, which imitates the checkpoint's but has never had these recordings (`training.imitator`).

Not in the paper. Source: Wolpert 1992, "Stacked generalization", where the second level learns from out-of-fold
predictions of the first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch

from model.checkpoint import load_checkpoint
from model.connector.connector import Connector
from model.encoders.fuse import Fusion
from model.timeaudio import TimeAudio
from training.data.manifest import Row
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.rehearsal import with_absolute_paths
from training.stages import StageConfig


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """The other connector, and the recordings whose rows go through it. Nothing of it trains."""

    audio: Collection[str]
    fusion: Fusion
    connector: Connector


def check_out_of_fold(data: Path | None, imitation: Path | None, config: StageConfig) -> None:
    """Check that a manifest of out-of-fold rows and a checkpoint for them come together, to a stage that can use them.

    Raises:
        DataError: they do not.
    """
    if (data is None) != (imitation is None):
        raise DataError("--out-of-fold and --imitation belong together: name both, or neither.")
    if data and (config.objective != "answers" or "connector" in config.trains):
        raise DataError("--out-of-fold needs a stage that trains on answers and not the connector, such as small-1.")


def load_out_of_fold(
    data: Path, imitation: Path, model: TimeAudio, device: torch.device
) -> tuple[list[Row], OutOfFold]:
    """Return the rows of a manifest, with absolute audio paths, and the connector for their recordings.

    Raises:
        CheckpointError, ManifestError: the checkpoint or the manifest cannot be read.
        DataError: the connector has another form than that of `model`.
    """
    rows = with_absolute_paths(read_manifest(data), data.parent)
    other, _ = load_checkpoint(imitation, device=str(device))
    shapes = [{name: p.shape for name, p in some.connector.named_parameters()} for some in (other, model)]
    if shapes[0] != shapes[1]:
        raise DataError(f"{imitation} has a connector of another form than the checkpoint to train.")
    for module in (other.fusion, other.connector):
        module.eval().requires_grad_(False)
    return rows, OutOfFold(frozenset(row.audio for row in rows), other.fusion, other.connector)
