"""From the words of a command line to recordings: files, folders, patterns, and `-` for standard input."""

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
"""Files of a folder that are taken for recordings. A file that is named itself may end with anything."""

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A recording to be heard.

    Attributes:
        shown: what messages call it.
        place: its path below the folder that was named, or its name: answers are stored likewise.
        path: None for standard input.
    """

    shown: str
    place: PurePath
    path: Path | None

    def audio(self) -> Path | bytes:
        """What a listener is given: the path, or the bytes that came through a pipe."""
        return sys.stdin.buffer.read() if self.path is None else self.path

    @property
    def num_bytes(self) -> int:
        """Its size; 0 where that cannot be told."""
        try:
            return 0 if self.path is None else self.path.stat().st_size
        except OSError:
            return 0


def sources(words: Iterable[str]) -> list[Source]:
    """Every recording that the words name, in their order and by name inside of a folder or pattern.

    What does not exist, and a folder without recordings, is kept: whoever opens it says so.
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
    """The recordings below a folder; what is hidden stays hidden."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(where, n) for n in names if Path(n).suffix.lower() in SUFFIXES and not n.startswith(".")]
    if not found:
        yield Source(str(folder), PurePath(folder.name), folder)
    for path in sorted(found):
        yield Source(str(path), path.relative_to(folder), path)
