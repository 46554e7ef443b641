"""What all readers of sources share: official tables and JSON, recordings by name, and how many were not there."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.data.manifest import Span
from training.data.recordings import DataError, require

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".webm")


@dataclass(slots=True)
class Recordings:
    """Recordings in a folder, by name with or without a suffix. `missing` fills up with the names that were not."""

    folder: Path
    missing: set[str] = field(default_factory=set)
    _names: dict[str, Path] | None = None

    def find(self, *names: str) -> str | None:
        """The path, resolved, of the first name that there is a recording for."""
        if self._names is None:
            if not self.folder.is_dir():
                raise DataError(f"{self.folder} is not a folder: name the one that holds the recordings with --audio.")
            files = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
            self._names = {path.stem: path for path in reversed(files)} | {path.name: path for path in reversed(files)}
        for name in names:
            found = self._names.get(name)
            if found is not None:
                return str(found.resolve())
        self.missing.add(names[0])
        return None


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        DataError: it is missing, or no JSON.
    """
    require(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from None


def merged(spans: Iterable[Span], limit: float | None = None) -> tuple[Span, ...]:
    """The same time as disjoint spans in order, cut at `limit`; annotators of one class overlap themselves."""
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


def number(row: dict[str, str], column: str, path: Path) -> float:
    """A column as a number.

    Raises:
        DataError: it is none.
    """
    try:
        return float(row[column])
    except (TypeError, ValueError):
        raise DataError(f"{path}: {column} is {row[column]!r}, not a number of seconds.") from None
