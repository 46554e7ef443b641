"""Split labelled recordings into training and validation pools of active parts, including sounds of unknown kinds."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import soxr

from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples
from training.data.composer import Pool
from training.data.recordings import DataError, LabelledRecording, active_region, read_recordings, read_samples
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
    """Return the active parts of one side of the split, by kind; sounds of unknown kinds are the pool's `others`.

    `speeds`: each recording is added at each of these speeds, which also shift its pitch. The other arguments are
    those of `select_recordings`.

    Raises:
        DataError: no recording of a known kind is left.
    """
    known, unknown = select_recordings(directories, side, ten=ten, half=half)
    pool = Pool(_parts(known, speeds), _parts(unknown, speeds))
    if not pool.parts:
        half_text = "" if half is None else f" and, by its source, in half {half}"
        raise DataError(
            f"No recording of a known kind under {', '.join(map(str, directories))} is in the folds"
            f" {_folds(side)}{half_text}."
        )
    return pool


def select_recordings(
    directories: Sequence[Path], side: Side, *, ten: bool = False, half: Literal[0, 1] | None = None
) -> tuple[dict[str, list[LabelledRecording]], dict[str, list[LabelledRecording]]]:
    """Return the recordings of one side of the split: known kinds by kind, and unknown ones by label.

    Known kinds are split by fold: 1 to 3 train, 4 validates. Unknown sounds are split by label, so that validation
    has labels that training never had. Recordings with an ambiguous label are left out, and so are those whose source
    is also on the other side.

    Args:
        directories: data sets as `read_recordings` takes them.
        side: the side of the split.
        ten: only the ten kinds of ESC-10.
        half: only about half of the sources of each kind; the two halves share no source.
    """
    recordings = read_recordings(directories)
    folds = _folds(side)
    other_folds = {r.source for r in recordings if r.fold not in folds}
    other_side = _sources_beyond(recordings, side, folds)
    known: dict[str, list[LabelledRecording]] = defaultdict(list)
    unknown: dict[str, list[LabelledRecording]] = defaultdict(list)
    for recording in recordings:
        kind = kind_of_label(recording.label)
        if kind == UNKNOWN:
            if not ten and _side_of_label(recording.label) == side and recording.source not in other_side:
                unknown[f"{UNKNOWN}:{recording.label}"].append(recording)
        elif kind is None or recording.fold not in folds or recording.source in other_folds:
            continue
        elif kind in TEN or not ten:
            known[kind].append(recording)
    sources = _half_of([*known.items(), *unknown.items()], half)
    chosen = [
        {kind: [r for r in some if r.source in sources] for kind, some in sorted(by_kind.items())}
        for by_kind in (known, unknown)
    ]
    return chosen[0], chosen[1]


def in_side(fold: int, side: Side) -> bool:
    """Return whether a fold is on one side of the split."""
    return fold in _folds(side)


def _folds(side: Side) -> tuple[int, ...]:
    return TRAIN_FOLDS if side == "train" else VALIDATION_FOLDS


def _sources_beyond(recordings: Sequence[LabelledRecording], side: Side, folds: Sequence[int]) -> set[str]:
    """Return the sources of the other side: by the folds of known kinds, and by the labels of unknown ones."""
    kinds = [(kind_of_label(recording.label), recording) for recording in recordings]
    known = {r.source for kind, r in kinds if kind not in (None, UNKNOWN) and r.fold not in folds}
    return known | {r.source for kind, r in kinds if kind == UNKNOWN and _side_of_label(r.label) != side}


def _side_of_label(label: str) -> Side:
    return "train" if hashlib.sha256(label.encode()).digest()[0] % 2 else "validate"


def _half_of(kinds: Iterable[tuple[str, Sequence[LabelledRecording]]], half: int | None) -> set[str]:
    """Return the sources of one half: every second one of each kind. A source is in the same half for all kinds."""
    halves: dict[str, int] = {}
    for _, recordings in sorted(kinds):
        count = [0, 0]
        for source in sorted({r.source for r in recordings}, key=lambda name: (name not in halves, name)):
            chosen = halves.setdefault(source, int(count[1] < count[0]))
            count[chosen] += 1
    return {source for source, number in halves.items() if half in (None, number)}


def _parts(by_kind: Mapping[str, Sequence[LabelledRecording]], speeds: Sequence[float]) -> dict[str, list[Samples]]:
    parts: dict[str, list[Samples]] = {}
    for kind, recordings in by_kind.items():
        found = [part for recording in recordings for part in active_parts(recording, speeds)]
        if found:
            parts[kind] = found
    return parts


def active_parts(recording: LabelledRecording, speeds: Sequence[float] = (1.0,)) -> Iterator[Samples]:
    """Yield the active part of a recording at each speed, unless it is silent."""
    samples = read_samples(recording)
    first, last = active_region(samples)
    for speed in speeds:
        part = samples[first:last]
        if speed != 1.0:
            part = soxr.resample(part, SAMPLE_RATE * speed, SAMPLE_RATE)
        if len(part) and float(np.abs(part).max()) > 0:
            yield part.astype(np.float32)
