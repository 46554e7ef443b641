"""Find the recordings that a command line names: files, folders, patterns, and `-` for standard input."""

import glob
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from timeaudio.console import complain

SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".flac", ".ogg", ".oga", ".ogx", ".ogv", ".opus", ".mp1", ".mp2", ".mp3", ".mpga"),
        *(".m4a", ".m4b", ".m4v", ".mp4", ".mov", ".3gp", ".3g2", ".webm", ".weba", ".mka", ".mkv"),
        *(".aac", ".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".w64", ".amr", ".ac3", ".eac3", ".wv", ".tta"),
        *(".wma", ".wmv", ".asf", ".avi", ".flv", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".spx"),
    }
)
"""The suffixes that count as recordings in a folder. A file named directly may have any suffix."""

UNREAD_SUFFIXES = frozenset({".dts", ".ape", ".tak", ".mpc", ".ra", ".rm", ".dsf", ".dff", ".aax", ".gsm", ".voc"})
"""Suffixes of sound and film formats that are not read. In a folder, such files are counted and reported."""

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A recording to analyse.

    Attributes:
        shown: its name in messages.
        place: its path below the given folder, or its name; answers are stored at the same place.
        path: None for standard input.
        was_found: whether it was found in a folder, so that a pipe is no recording: nobody may ever write to it.
    """

    shown: str
    place: PurePath
    path: Path | None
    was_found: bool = field(default=False, compare=False)

    def audio(self) -> Path | bytes:
        """Return what a backend takes: the path, or the bytes from standard input.

        Raises:
            OSError: standard input cannot be read, or a pipe was found in a folder.
        """
        if self.path is not None:
            if self.was_found and self.path.is_fifo():
                raise OSError("it is a pipe; name it itself to read from it")
            return self.path
        if sys.stdin is None:
            raise OSError("it is closed; name a file, or give the recording through a pipe")
        return sys.stdin.buffer.read()

    @property
    def num_bytes(self) -> int:
        """The size of the file; 0 if unknown."""
        try:
            return 0 if self.path is None else self.path.stat().st_size
        except OSError:
            return 0


def sources(words: Iterable[str], left_out: list[Path] | None = None) -> list[Source]:
    """Return every recording that the words name, in their order, and by name within a folder or pattern.

    A missing file or a folder without recordings is kept: opening it raises the error. Files in folders are added to
    `left_out` if their kind is not read.
    """
    ignored: list[Path] = []
    return [source for word in words for source in _named(word, ignored if left_out is None else left_out)]


def describe_left_out(left_out: Sequence[Path]) -> str:
    """Return a sentence about the files in folders that were left out because their kind is not read."""
    suffixes = ", ".join(sorted({path.suffix.lower() for path in left_out}))
    files = "1 file was" if len(left_out) == 1 else f"{len(left_out)} files were"
    return f"{files} left out, because their format is not supported ({suffixes}). Convert them, for example to flac."


def _named(word: str, left_out: list[Path]) -> Iterator[Source]:
    path = Path(word)
    if word == STDIN:
        yield Source("standard input", PurePath("stdin"), None)
    elif path.is_dir():
        yield from _inside(path, left_out)
    elif not path.exists() and glob.has_magic(word):
        found = [Path(name) for name in sorted(glob.glob(word, recursive=True)) if Path(name).is_file()]
        for file in found or [path]:
            yield Source(str(file), PurePath(file.name), file)
    else:
        yield Source(word, PurePath(path.name), path)


def _inside(folder: Path, left_out: list[Path]) -> Iterator[Source]:
    """Yield the recordings below a folder, except hidden ones."""
    found = []
    for where, names in _folders(folder):
        for path in (Path(where, name) for name in names if not name.startswith(".")):
            suffix = path.suffix.lower()
            if suffix in SUFFIXES:
                found.append(path)
            elif suffix in UNREAD_SUFFIXES:
                left_out.append(path)
    if not found:
        yield Source(str(folder), PurePath(folder.name or "recordings"), folder)
    for path in sorted(found):
        yield Source(str(path), path.relative_to(folder), path, was_found=True)


def _folders(top: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every folder below `top`, also behind links, with its files; each only once, so that loops of links end.

    Links come last: a folder that is also reached without one keeps its own path.
    """
    seen = set()
    waiting = [str(top)]
    for start in waiting:
        for where, folders, names in os.walk(start, onerror=_complain_of_folder):
            try:
                about = os.stat(where)
            except OSError:  # removed meanwhile
                continue
            if (about.st_dev, about.st_ino) in seen:
                folders.clear()
                continue
            seen.add((about.st_dev, about.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            links = [name for name in folders if os.path.islink(os.path.join(where, name))]
            waiting += [os.path.join(where, name) for name in links]
            folders[:] = [name for name in folders if name not in links]
            yield where, names


def _complain_of_folder(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # removed meanwhile
        complain(f"{error.filename} was left out: {error.strerror}. Check its permissions.")
