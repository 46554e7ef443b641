"""Read recordings that each hold one kind of sound, and find their active regions."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from model.errors import AudioError

MAX_SECONDS = 60.0
"""The longest recording of one kind of sound."""
ACTIVE_WINDOW = SAMPLE_RATE // 10
ACTIVE_HOP = SAMPLE_RATE // 100
ACTIVE_RANGE = 1e-3
"""Energy ratio of 30 dB."""


class DataError(Exception):
    """Training data are missing or not valid. The message says what to do."""


@dataclass(frozen=True, slots=True)
class LabelledRecording:
    """One labelled recording of a data set like ESC-50: short, with one kind of sound.

    `source` names the original that the recording was cut from. No source is ever on both sides of a split.
    """

    path: Path
    label: str
    fold: int
    source: str


def read_recordings(directories: Sequence[Path]) -> list[LabelledRecording]:
    """Read the recordings under all `directories`, each in one of two layouts.

    `clips.csv` with `audio/` (columns filename, category, source and, if the data set has folds, fold) or ESC-50's own
    `meta/esc50.csv` with `audio/` (columns filename, fold, category, src_file). A recording without a fold takes the
    fold of another recording of its source, or else one of four, chosen by a hash of its source's name.

    Raises:
        DataError: both tables are missing, a column is missing, or a row names a missing file.
    """
    rows = [row for directory in directories for row in _rows(directory)]
    fold_of = {source: fold for _, _, fold, source in rows if fold}
    recordings = [
        LabelledRecording(path, label, fold or fold_of.get(source, fold_of_source(source)), source)
        for path, label, fold, source in rows
    ]
    missing = [r.path for r in recordings if not r.path.is_file()]
    if missing:
        raise DataError(
            f"{missing[0].parent} lacks {len(missing)} of {len(recordings)} files, first {missing[0].name}."
        )
    return recordings


def _rows(directory: Path) -> Iterator[tuple[Path, str, int, str]]:
    """Yield path, label, fold (0: none) and source of each recording."""
    clips_csv, esc50_csv = directory / "clips.csv", directory / "meta" / "esc50.csv"
    if clips_csv.is_file():
        for row in read_table(clips_csv, ("filename", "category", "source")):
            fold = fold_of_row(row, clips_csv) if "fold" in row else 0
            yield directory / "audio" / row["filename"], row["category"], fold, row.get("speaker") or row["source"]
    elif esc50_csv.is_file():
        for row in read_table(esc50_csv, ("filename", "category", "fold", "src_file")):
            yield directory / "audio" / row["filename"], row["category"], fold_of_row(row, esc50_csv), row["src_file"]
    else:
        raise DataError(
            f"{directory} holds neither clips.csv nor meta/esc50.csv. Unpack ESC-50 (meta/ and audio/) there, or"
            " give another folder."
        )


def fold_of_source(source: str) -> int:
    """Return the fold, 1 to 4, of a source that has none: a hash of its name."""
    return 1 + hashlib.sha256(source.encode()).digest()[0] % 4


def read_table(path: Path, columns: Sequence[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Yield the rows of a table whose first line names its columns.

    Raises:
        DataError: the file, a column or a cell is missing, or the file is not UTF-8.
    """
    require_file(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            missing_columns = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing_columns:
                raise DataError(
                    f"{path} has no column {', '.join(missing_columns)}: it has {', '.join(reader.fieldnames or ())}."
                )
            for row in reader:
                if empty := [name for name in columns if row[name] is None]:
                    raise DataError(f"{path}, line {reader.line_num}: {', '.join(empty)} is missing.")
                yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a table in UTF-8 ({error}): save it as CSV in UTF-8.") from None


def require_file(path: Path) -> None:
    """Raise `DataError` if a data set's file does not exist."""
    if not path.is_file():
        raise DataError(f"{path} does not exist: download it from the data set's page, or correct the path.")


def fold_of_row(row: dict[str, str], path: Path) -> int:
    """Return the fold of a row of the table at `path`. Raises: DataError, it is not a number."""
    try:
        return int(row["fold"])
    except (TypeError, ValueError):
        raise DataError(f"{path}: fold must be a number, {row['filename']} has {row['fold']!r}.") from None


def read_samples(recording: LabelledRecording) -> npt.NDArray[np.float32]:
    """Return the recording as mono float32 [num_samples] at 16 kHz.

    Raises:
        DataError: it cannot be read, or is longer than `MAX_SECONDS`.
    """
    try:
        return decode_audio(recording.path.read_bytes(), max_seconds=MAX_SECONDS).samples
    except AudioError as error:
        raise DataError(f"{recording.path}: {error}") from error


def active_region(samples: npt.NDArray[np.float32]) -> tuple[int, int]:
    """Return the half-open range of active samples of a recording.

    A sample is active where the RMS over 100 ms is within 30 dB of the recording's loudest 100 ms; gaps inside are
    kept. The RMS belongs to the middle of its 100 ms, so that a click is not active 100 ms before it happens.
    """
    if len(samples) <= ACTIVE_WINDOW:
        return 0, len(samples)
    mean_square = _mean_squares(samples)
    active = np.flatnonzero(mean_square >= mean_square.max() * ACTIVE_RANGE)
    middle = (ACTIVE_WINDOW - ACTIVE_HOP) // 2
    first, last = active[0] * ACTIVE_HOP, active[-1] * ACTIVE_HOP
    start = 0 if first == 0 else first + middle
    end = len(samples) if active[-1] == len(mean_square) - 1 else last + middle + ACTIVE_HOP
    return int(start), int(end)


def is_active(piece: npt.NDArray[np.float32], whole: npt.NDArray[np.float32]) -> bool:
    """Return whether a piece of a recording has active samples, rather than only a gap."""
    return bool(_mean_squares(piece).max() >= _mean_squares(whole).max() * ACTIVE_RANGE)


def _mean_squares(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return mean squares over 100 ms, every 10 ms; a shorter recording is one window."""
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    window = min(ACTIVE_WINDOW, len(samples))
    starts = np.arange(0, len(samples) - window + 1, ACTIVE_HOP)
    squares: npt.NDArray[np.float64] = (energy[starts + window] - energy[starts]) / window
    return squares
