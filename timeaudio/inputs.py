"""Find the recordings that a command line names: files, folders, patterns, and `-` for standard input."""

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

SUFFIXES = frozenset(
    {
        *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".m4b", ".mp4", ".mov", ".webm", ".mka", ".mkv"),
        *(".aac", ".aif", ".aiff", ".caf", ".au", ".w64", ".amr", ".3gp"),
    }
)
"""The suffixes that count as recordings in a folder. A file named directly may have any suffix."""

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A recording to analyse.

    Attributes:
        shown: its name in messages.
        place: its path below the given folder, or its name; answers are stored at the same place.
        path: None for standard input.
    """

    shown: str
    place: PurePath
    path: Path | None

    def audio(self) -> Path | bytes:
        """Return what a listener takes: the path, or the bytes from standard input."""
        return sys.stdin.buffer.read() if self.path is None else self.path

    @property
    def num_bytes(self) -> int:
        """The size of the file; 0 if unknown."""
        try:
            return 0 if self.path is None else self.path.stat().st_size
        except OSError:
            return 0


def sources(words: Iterable[str]) -> list[Source]:
    """Return every recording that the words name, in their order, and by name within a folder or pattern.

    A missing file or a folder without recordings is kept: opening it raises the error.
    """
    return [source for word in words for source in _named(word)]


def _named(word: str) -> Iterator[Source]:
    path = Path(word)
    if word == STDIN:
        yield Source("standard input", PurePath("stdin"), None)
    elif path.is_dir():
        yield from _inside(path)
    elif not path.exists() and glob.has_magic(word):
        found = [Path(name) for name in sorted(glob.glob(word, recursive=True)) if Path(name).is_file()]
        for file in found or [path]:
            yield Source(str(file), PurePath(file.name), file)
    else:
        yield Source(word, PurePath(path.name), path)


def _inside(folder: Path) -> Iterator[Source]:
    """Yield the recordings below a folder, except hidden ones."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(where, n) for n in names if Path(n).suffix.lower() in SUFFIXES and not n.startswith(".")]
    if not found:
        yield Source(str(folder), PurePath(folder.name), folder)
    for path in sorted(found):
        yield Source(str(path), path.relative_to(folder), path)
