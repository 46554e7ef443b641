"""Shared code of the data set readers: tables, JSON, and finding recordings by name."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.data.manifest import Span
from training.data.recordings import DataError, require_file

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".webm")


@dataclass(slots=True)
class RecordingIndex:
    """Finds recordings in a folder by name, with or without a suffix. `missing` collects the names not found."""

    folder: Path
    missing: set[str] = field(default_factory=set)
    _names: dict[str, Path] | None = None

    def find(self, *names: str) -> str | None:
        """Return the resolved path of the first name that has a recording."""
        if self._names is None:
            if not self.folder.is_dir():
                raise DataError(f"{self.folder} is not a folder: give the folder of the recordings with --audio.")
            files = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
            self._names = {path.stem: path for path in reversed(files)} | {path.name: path for path in reversed(files)}
        for name in names:
            found = self._names.get(name)
            if found is not None:
                return str(found.resolve())
        self.missing.add(names[0])
        return None


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: the file is missing or not valid JSON.
    """
    require_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None


def merge_spans(spans: Iterable[Span], limit: float | None = None) -> tuple[Span, ...]:
    """Merge overlapping spans of one class into disjoint spans in order, cut at `limit`."""
    result: list[Span] = []
    for start, end in sorted(spans):
        end = end if limit is None else min(end, limit)
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(result)


def parse_seconds(row: dict[str, str], column: str, path: Path) -> float:
    """Return a column as a number.

    Raises:
        DataError: the value is not a number.
    """
    try:
        return float(row[column])
    except (TypeError, ValueError):
        raise DataError(f"{path}: {column} is {row[column]!r}, not a number of seconds.") from None
