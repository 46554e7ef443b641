"""Which recordings a run draws from: training or validation, the named kinds and the others."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import soxr

from model.audio.waveform import SAMPLE_RATE
from training.config import DataConfig
from training.data.composer import Pool, Samples
from training.data.more_words import MORE_WORDS
from training.data.recordings import DataError, Recording, active_region, read_recordings, read_samples
from training.data.words import WORDS


def training_pool(directory: Path, config: DataConfig) -> Pool:
    """Active parts of the training recordings at every speed of the run, those outside of ESC-10 as its others.

    Raises:
        DataError: a source stands on both sides of the split, or nothing is left to train on.
    """
    recordings = read_recordings(directory)
    held_out = {r.source for r in recordings if r.ten and r.fold in config.validation_folds}
    chosen = [r for r in recordings if r.ten and r.fold in config.train_folds]
    leaked = [r.path.name for r in chosen if r.source in held_out]
    if leaked:
        raise DataError(f"{leaked[0]} and {len(leaked) - 1} more share a source with the validation recordings.")
    learned = _others(recordings, "learned") if config.other_kinds else []
    others = [r for r in learned if r.source not in held_out]
    if not chosen:
        raise DataError(f"No recording under {directory} is of a training fold {config.train_folds}.")
    return Pool(_parts(chosen, config.speeds), _parts(others, config.speeds))


def validation_pool(directory: Path, config: DataConfig) -> Pool:
    """Active parts of the held-out recordings, as they are."""
    chosen = [r for r in read_recordings(directory) if r.ten and r.fold in config.validation_folds]
    if not chosen:
        raise DataError(f"No recording under {directory} is of a validation fold {config.validation_folds}.")
    return Pool(_parts(chosen, (1.0,)))


Share = Literal["learned", "doubtful", "held out"]


def other_parts(directory: Path, share: Share, speeds: Sequence[float] = (1.0,)) -> dict[str, list[Samples]]:
    """Active parts of a share of the recordings of the kinds outside of ESC-10, by kind.

    No source is in two shares. Of each kind's sources, by name, the last third (one at least) is held out to measure
    with; of five or more the first is doubtful: no encoder learns from it, so what is heard of it stands for sounds
    that nobody knows. A kind of a single source has nothing held out.
    """
    return _parts(_others(read_recordings(directory), share), speeds)


def _others(recordings: Sequence[Recording], share: Share) -> list[Recording]:
    by_kind: dict[str, set[str]] = defaultdict(set)
    for recording in recordings:
        if not recording.ten:
            by_kind[recording.kind].add(recording.source)
    share_of: dict[tuple[str, str], Share] = {}
    for kind, sources in by_kind.items():
        last = len(sources) - (max(1, len(sources) // 3) if len(sources) > 1 else 0)
        for place, source in enumerate(sorted(sources)):
            doubtful = place == 0 and len(sources) >= 5
            share_of[kind, source] = "held out" if place >= last else "doubtful" if doubtful else "learned"
    return [r for r in recordings if not r.ten and share_of[r.kind, r.source] == share]


def halves(directory: Path, config: DataConfig) -> tuple[Pool, Pool]:
    """The held-out recordings in two pools that share no source: every second source of each kind, by name.

    Raises:
        DataError: there are no held-out recordings, or a kind has a single source.
    """
    chosen = [r for r in read_recordings(directory) if r.ten and r.fold in config.validation_folds]
    by_kind: dict[str, set[str]] = defaultdict(set)
    for recording in chosen:
        by_kind[recording.kind].add(recording.source)
    if not chosen or min(map(len, by_kind.values())) < 2:
        raise DataError(f"Two sources of each kind are needed in the folds {config.validation_folds} of {directory}.")
    first = {source for sources in by_kind.values() for source in sorted(sources)[::2]}
    one, other = [r for r in chosen if r.source in first], [r for r in chosen if r.source not in first]
    return Pool(_parts(one, (1.0,))), Pool(_parts(other, (1.0,)))


def _parts(recordings: Sequence[Recording], speeds: Sequence[float]) -> dict[str, list[Samples]]:
    """Raises: DataError: a kind has no words, by which it could be told and asked for."""
    unknown = {recording.kind for recording in recordings} - {*WORDS, *MORE_WORDS}
    if unknown:
        raise DataError(
            f"There are no words here for {', '.join(sorted(unknown))}: train on a manifest with captions of your own,"
            " see docs/training.md."
        )
    parts: dict[str, list[Samples]] = defaultdict(list)
    for recording in recordings:
        samples = read_samples(recording)
        first, last = active_region(samples)
        for speed in speeds:
            part = samples[first:last]
            if speed != 1.0:
                part = soxr.resample(part, SAMPLE_RATE * speed, SAMPLE_RATE)
            if len(part) and float(np.abs(part).max()) > 0:
                parts[recording.kind].append(part.astype(np.float32))
    return dict(sorted(parts.items()))
