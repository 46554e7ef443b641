"""Recordings of noise: pools to compose scenes of, and folders as a data set of labelled recordings has them."""

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
    """White noise."""
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def pool_of(*kinds: str, seconds: float = 1.0, others: Sequence[str] = ()) -> Pool:
    """One burst of noise of each kind."""
    parts, rest = ({kind: [noise(seconds, seed=n)] for n, kind in enumerate(some)} for some in (kinds, others))
    return Pool(parts, rest)


def data_set(folder: Path, *clips: tuple[str, int, str], seconds: float = 0.5) -> Path:
    """A folder of bursts with its `clips.csv`; label, fold (0 throughout: the table has none) and source of each."""
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
