"""Where answers go: to stdout, to files in a folder, or both."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Literal

from rich.console import Console

from timeaudio.console import print_text
from timeaudio.errors import ClientError
from timeaudio.formats import FORMATS, FormatName, write
from timeaudio.inputs import Source
from timeaudio.report import print_answer, print_json
from timeaudio.results import AnyAnswer

Shown = Literal["tables", "json", "json_lines", "text", "nothing"]
"""On stdout: tables, indented JSON, a line of JSON per recording, a format's text, or nothing."""


_WIDTH = 80
"""Columns if the environment reports 0, which means that the width is unknown."""


class OutputFolder:
    """A folder of answers: `street.flac` becomes `street.srt`, as players expect.

    If two recordings differ only in their extension, both keep it: `street.flac.srt`.

    Raises:
        ValueError: two recordings would be written to the same file.
    """

    def __init__(self, path: Path, sources: Iterable[Source]) -> None:
        self._path = path
        self._stems = _stems(set(sources))
        _check_apart(self._stems)

    def file(self, source: Source, name: FormatName) -> Path:
        """Return where to store the answer about a recording in a format."""
        stem = self._stems[source]
        return self._path / stem.with_name(stem.name + FORMATS[name].suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where answers go. `formats` are those of the folder's files, or the single one shown as text.

    `resume` skips recordings whose files are all in the folder.
    """

    shown: Shown
    formats: Sequence[FormatName]
    folder: OutputFolder | None = None
    resume: bool = False

    def is_done(self, source: Source) -> bool:
        """Return whether to skip a recording. A file that exists is complete: it is renamed into place."""
        folder = self.folder
        return self.resume and folder is not None and all(folder.file(source, f).is_file() for f in self.formats)

    def store(self, source: Source, answer: AnyAnswer) -> None:
        """Write the files of an answer, if there is a folder.

        Raises:
            ClientError: a file cannot be written.
        """
        for name in self.formats if self.folder is not None else ():
            assert self.folder is not None
            write_whole(self.folder.file(source, name), write(answer, name, name=source.place.name))

    def show(self, source: Source, answer: AnyAnswer) -> None:
        """Print an answer as requested."""
        console = Console(highlight=False)
        console.width = console.width or _WIDTH
        match self.shown:
            case "tables":
                print_answer(console, answer, name=source.shown)
            case "json" | "json_lines":
                print_json(console, answer, name=source.shown, compact=self.shown == "json_lines")
            case "text":
                print_text(write(answer, self.formats[0], name=source.place.name))


def write_whole(path: Path, text: str) -> None:
    """Write a file and make its folder. It is renamed into place, so that a file that exists is complete.

    Raises:
        ClientError: it cannot be written.
    """
    part = path.with_name(f".{sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")  # the name may have no room left
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8", newline="")
            os.replace(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror or error}.") from error


def _stems(sources: set[Source]) -> Mapping[Source, PurePath]:
    """Return the name of each recording's files, without their suffix."""
    sharing: dict[PurePath, list[Source]] = defaultdict(list)
    for source in sources:
        sharing[source.place.with_name(source.place.stem)].append(source)
    return {source: stem if len(found) == 1 else source.place for stem, found in sharing.items() for source in found}


def _check_apart(stems: Mapping[Source, PurePath]) -> None:
    """Check all formats, whose suffixes may have two parts: `x.verbose.wav` as json, and `x.wav` as verbose_json."""
    taken: dict[PurePath, Source] = {}
    for source, stem in sorted(stems.items(), key=lambda item: item[0].shown):
        for suffix in {row.suffix for row in FORMATS.values()}:
            file = stem.with_name(stem.name + suffix)
            if taken.setdefault(file, source) != source:
                raise ValueError(
                    f"{taken[file].shown} and {source.shown} would be written to the same files; "
                    "run them separately, each with its own folder"
                )
