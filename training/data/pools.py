"""Labelled recordings as pools of active parts: what is trained on, what is held out, and sounds of no known kind."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import soxr

from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples
from training.data.composer import Pool
from training.data.recordings import DataError, Recording, active_region, read_recordings, read_samples
from training.data.vocabulary import TEN, UNKNOWN, kind_of_label

Side = Literal["train", "validate"]

TRAIN_FOLDS, VALIDATION_FOLDS = (1, 2, 3), (4,)


def read_pool(
    directories: Sequence[Path],
    side: Side,
    *,
    ten: bool = False,
    half: Literal[0, 1] | None = None,
    speeds: Sequence[float] = (1.0,),
) -> Pool:
    """Active parts of the recordings of one side of the split, by kind; sounds of no known kind are its `others`.

    Known kinds are split by fold: 1 to 3 train, 4 validates. Unknown sounds are split by label, so that validation
    meets labels that no training has met. Recordings whose label may be of a known kind or not are left out.

    Args:
        directories: data sets as `read_recordings` takes them.
        side: of the split.
        ten: only the ten kinds of ESC-10.
        half: only every second source of each kind, by name: two pools without a source in common.
        speeds: each recording is also there at these speeds (pitch moves with it).

    Raises:
        DataError: nothing is left, or a source stands on both sides of the split.
    """
    recordings = read_recordings(directories)
    folds = TRAIN_FOLDS if side == "train" else VALIDATION_FOLDS
    other_side = {r.source for r in recordings if r.fold not in folds}
    known: dict[str, list[Recording]] = defaultdict(list)
    unknown: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        kind = kind_of_label(recording.label)
        if kind == UNKNOWN:
            if not ten and _side_of_label(recording.label) == side:
                unknown[f"{UNKNOWN}:{recording.label}"].append(recording)
        elif kind is None or recording.fold not in folds or recording.source in other_side:
            continue
        elif kind in TEN or not ten:
            known[kind].append(recording)
    if not known:
        raise DataError(f"No recording under {', '.join(map(str, directories))} is in the folds {folds}.")
    return Pool(_parts(_halved(known, half), speeds), _parts(_halved(unknown, half), speeds))


def _side_of_label(label: str) -> Side:
    return "train" if hashlib.sha256(label.encode()).digest()[0] % 2 else "validate"


def _halved(by_kind: dict[str, list[Recording]], half: int | None) -> dict[str, list[Recording]]:
    if half is None:
        return by_kind
    chosen = {}
    for kind, recordings in by_kind.items():
        sources = sorted({r.source for r in recordings})[half::2]
        if some := [r for r in recordings if r.source in sources]:
            chosen[kind] = some
    return chosen


def _parts(by_kind: dict[str, list[Recording]], speeds: Sequence[float]) -> dict[str, list[Samples]]:
    parts: dict[str, list[Samples]] = {}
    for kind, recordings in sorted(by_kind.items()):
        found = [part for recording in recordings for part in _active(read_samples(recording), speeds)]
        if found:
            parts[kind] = found
    return parts


def _active(samples: Samples, speeds: Sequence[float]) -> Iterable[Samples]:
    first, last = active_region(samples)
    for speed in speeds:
        part = samples[first:last]
        if speed != 1.0:
            part = soxr.resample(part, SAMPLE_RATE * speed, SAMPLE_RATE)
        if len(part) and float(np.abs(part).max()) > 0:
            yield part.astype(np.float32)
