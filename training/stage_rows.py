"""Which rows a stage trains on, and which ones measure it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from model.timeline.task import Task
from training.data.manifest import Row
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.rehearsal import SHIPPED, SHIPPED_VALIDATION, with_absolute_paths
from training.stages import Objective, StageConfig
from training.trained_module import TrainedModule
from training.transcription import transcribed_rows


def own_rows(data: Path, validation: Path | None, config: StageConfig) -> tuple[list[Row], list[Row]]:
    """Return the rows of the user's manifest to train on and to validate on, with absolute audio paths.

    Raises:
        ManifestError: a manifest is not valid.
    """
    rows = with_absolute_paths(read_manifest(data), data.parent)
    held_out = with_absolute_paths(read_manifest(validation), validation.parent) if validation else []
    if validation is None and config.evaluate_every:
        rows, held_out = split_validation(rows, config.validation_share)
    return rows, held_out


def rehearsal_rows(
    manifest: Path | None, tasks: Sequence[Task], learner: TrainedModule, config: StageConfig
) -> tuple[list[Row], list[Row]]:
    """Return the rows that rehearse what a checkpoint knows, and held-out ones; None: from the set of the package.

    Only rows of `tasks`, which the checkpoint knows, are returned. From any other manifest, `validation_share` of the
    recordings are held out.

    Raises:
        ManifestError: the manifest is not valid.
        DataError: no rows are left.
    """
    where = manifest or SHIPPED
    if manifest is None:
        parts = (read_manifest(SHIPPED), read_manifest(SHIPPED_VALIDATION))
    else:
        parts = split_validation(read_manifest(manifest), config.validation_share)
    known, held_out = ([r for r in with_absolute_paths(part, where.parent) if r.task in tasks] for part in parts)
    if not known or not held_out:
        raise DataError(f"{where} needs rows of {', '.join(tasks)} about at least two recordings to rehearse them.")
    return usable_rows(known, learner, config)[0], select_validation_rows(held_out, config)


def split_validation(rows: Sequence[Row], share: float = 0.1) -> tuple[list[Row], list[Row]]:
    """Split off a share of the recordings, with all their rows, for validation, by a hash of their names."""
    names = sorted({row.audio for row in rows}, key=lambda name: hashlib.sha256(Path(name).name.encode()).digest())
    chosen = set(names[: max(1, round(share * len(names)))]) if len(names) > 1 else set()
    return [row for row in rows if row.audio not in chosen], [row for row in rows if row.audio in chosen]


def select_validation_rows(validation_rows: Sequence[Row], config: StageConfig) -> list[Row]:
    """Return the held-out rows to measure on, chosen by a hash of their ids, which mixes the tasks.

    Raises:
        DataError: none is left, but the stage rehearses and so must measure.
    """
    short = [row for row in validation_rows if (row.duration or 0.0) <= config.most_seconds]
    if config.rehearsal_share and not short:
        raise DataError(
            f"No recording of at most {config.most_seconds:g} s is left to validate on: add one, or name others with"
            " --validation."
        )
    return sorted(short, key=lambda row: hashlib.sha256(row.id.encode()).digest())[: config.validation_rows]


def rows_of_objective(rows: Sequence[Row], config: StageConfig) -> list[Row]:
    """Return the rows that a stage can learn from.

    Raises:
        DataError: there are none.
    """
    if config.objective == "answers":
        return list(rows)
    if config.objective != "transcription":
        return one_per_recording(rows, config.objective)
    if not any(row.words for row in rows):
        raise DataError("The manifest has no spoken words: `timeaudio data spoken` writes them.")
    if not (found := transcribed_rows(rows)):
        raise DataError("No text of the manifest consists of letters alone: write numbers as words.")
    return found


def one_per_recording(rows: Sequence[Row], objective: Objective) -> list[Row]:
    """Return one row per recording, for a stage that trains only the connector.

    Raises:
        DataError: an alignment has no dense captions.
    """
    first: dict[str, Row] = {}
    for row in rows:
        if objective == "imitation" or row.task == "dense_caption":
            first.setdefault(row.audio, row)
    if not first:
        raise DataError("Alignment needs dense captions, but the manifest has none.")
    return list(first.values())


def usable_rows(rows: Sequence[Row], learner: TrainedModule, config: StageConfig) -> tuple[list[Row], str]:
    """Return the rows that the stage trains on, and a sentence about those left out. Cut rows would have wrong answers.

    Raises:
        DataError: no row is left.
    """
    candidates = [row for row in rows if config.absent_queries or row.task != "ground" or row.events]
    short = [row for row in candidates if (row.duration or 0.0) <= config.most_seconds]
    kept = [row for row in short if len(learner.example(row).answer) <= config.most_text_tokens]
    if not kept:
        raise DataError(
            f"None of {len(rows)} rows has at most {config.most_seconds:g} s and an answer of at most"
            f" {config.most_text_tokens} tokens: raise most_seconds or most_text_tokens with --set."
        )
    long = len(candidates) - len(short)
    left_out = f"Left out: {long} over {config.most_seconds:g} s, {len(short) - len(kept)} with too long an answer."
    if not config.absent_queries:
        left_out = f"{left_out[:-1]}, {len(rows) - len(candidates)} absent queries."
    return kept, left_out
