"""Audio tokens of recordings that the connector was not trained on, for the language model to learn from.

A connector represents the recordings that it was trained on more clearly than any others. A language model that
trains on those tokens alone trusts the tokens of new recordings too much. Some of the rows of a stage therefore go
through another connector, which imitates the checkpoint's but was not trained on their recordings
(`training.imitator`). Its tokens are unclear enough without dropout.

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
from training.variants import apply_stage_settings


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """The other connector, and the recordings whose rows go through it. Its weights are frozen."""

    audio: Collection[str]
    fusion: Fusion
    connector: Connector


def check_out_of_fold(data: Path | None, imitation: Path | None, config: StageConfig) -> None:
    """Check that out-of-fold rows come with a checkpoint for them, and that the stage can use both.

    Raises:
        DataError: one of the two is missing, or the stage cannot use them.
    """
    if (data is None) != (imitation is None):
        raise DataError("--out-of-fold and --imitation belong together: name both, or neither.")
    if data and (config.objective != "answers" or {"connector", "time_encoding"} & set(config.trains)):
        raise DataError("--out-of-fold needs a stage that trains on answers and not the connector, such as small-1.")


def load_out_of_fold(
    data: Path, imitation: Path, own: Collection[str], model: TimeAudio, config: StageConfig, device: torch.device
) -> tuple[list[Row], OutOfFold]:
    """Return the rows of a manifest, with absolute audio paths, and the connector for their recordings.

    Args:
        data: the manifest.
        imitation: the checkpoint whose connector gives the audio tokens of its recordings.
        own: the recordings whose tokens the connector of `model` gives.
        model: the model to train; its connector was imitated.
        config: the stage.
        device: where the model trains.

    Raises:
        CheckpointError, ManifestError: the checkpoint or the manifest cannot be read.
        DataError: the checkpoint imitates another connector, or a recording is in `own` too.
    """
    rows = with_absolute_paths(read_manifest(data), data.parent)
    audio = frozenset(row.audio for row in rows)
    if common := sorted(audio & set(own)):
        raise DataError(f"{len(common)} recordings are in --data and in --out-of-fold, such as {common[0]}.")
    other, tokenizer = load_checkpoint(imitation, device="cpu")
    apply_stage_settings(other, tokenizer, config)
    if not _has_clock_of(other, model):
        raise DataError(
            f"{imitation} imitates another checkpoint's connector: train the stage `imitate` from this one."
        )
    for module in (other.fusion, other.connector):
        module.eval().requires_grad_(False).to(device)
    return rows, OutOfFold(audio, other.fusion, other.connector)


def _has_clock_of(imitation: TimeAudio, model: TimeAudio) -> bool:
    """Return whether both connectors have the same shapes and (within float16) time encoding: imitations copy it."""
    shapes = [{name: p.shape for name, p in some.connector.named_parameters()} for some in (imitation, model)]
    copy, clock = (some.connector.time_encoding.weight.detach().float().cpu() for some in (imitation, model))
    return shapes[0] == shapes[1] and torch.allclose(copy, clock, rtol=1e-2, atol=1e-3)
