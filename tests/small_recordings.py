"""Recordings of noise: pools for scenes, and folders like those of a data set of labelled recordings."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.composer import Pool
from training.data.wav import write_wav

RATE = 16_000
Samples = npt.NDArray[np.float32]


def noise(seconds: float, *, seed: int = 0, level: float = 0.2) -> Samples:
    """Return white noise."""
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def pool_of(*kinds: str, seconds: float = 1.0, others: Sequence[str] = ()) -> Pool:
    """Return a pool with one burst of noise per kind."""
    parts, rest = ({kind: [noise(seconds, seed=n)] for n, kind in enumerate(some)} for some in (kinds, others))
    return Pool(parts, rest)


def data_set(folder: Path, *clips: tuple[str, int, str], seconds: float = 0.5) -> Path:
    """Write a folder of bursts and its `clips.csv` with labels, sources and folds (unless all folds are 0)."""
    folder.mkdir(parents=True, exist_ok=True)
    has_folds = any(fold for _, fold, _ in clips)
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["filename", "category", "source", *(["fold"] if has_folds else [])])
        for number, (label, fold, source) in enumerate(clips):
            name = f"{number}-{label}.wav"
            write_wav(folder / "audio" / name, noise(seconds, seed=number))
            table.writerow([name, label, source, *([fold] if has_folds else [])])
    return folder
