"""The recordings of an archive: a folder, a list of paths, or a table with a column `path`."""

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from timeaudio.console import complain
from timeaudio.errors import ClientError
from timeaudio.inputs import SUFFIXES, describe_left_out, sources

COLUMN = "path"


class BatchManifestError(ClientError):
    """The manifest cannot be read; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts, chosen by the hash of a path, so the same on every machine. `index` counts from 1."""

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Parse a text such as `3/16`.

        Raises:
            ValueError: the text is not of that form, or the part does not exist.
        """
        index, slash, count = text.partition("/")
        if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
            raise ValueError(f"{text!r} is not a valid part. Use 3/16 for the third of sixteen.")
        return cls(int(index), int(count))

    def holds(self, path: str) -> bool:
        """Return whether a path belongs to this part."""
        number = int.from_bytes(hashlib.sha256(path.encode(errors="surrogateescape")).digest()[:8], "big")
        return number % self.count == self.index - 1


def read_manifest(manifest: Path, shard: Shard) -> Iterator[str]:
    """Yield every path of the shard, once, in the manifest's order. Relative paths start at the working directory.

    `.csv`, `.tsv`: a table whose heading has a column `path`. `.jsonl`: objects with a member `path`. A folder: the
    recordings in it. Anything else: a path per line; empty lines and lines that begin with # are skipped.

    Raises:
        BatchManifestError: a line is not valid.
        OSError: the manifest cannot be read.
    """
    seen: set[bytes] = set()  # sixteen bytes per path, to bound memory
    for path in _paths(manifest):
        if "\0" in path:
            raise BatchManifestError(f"{manifest} has a zero byte in {path[:100]!r}. Write it as UTF-8 text.")
        mark = hashlib.sha256(path.encode(errors="surrogateescape")).digest()[:16]
        if mark not in seen and shard.holds(path):
            seen.add(mark)
            yield path


def _paths(manifest: Path) -> Iterator[str]:
    if manifest.is_dir():
        left_out: list[Path] = []
        found = sources([str(manifest)], left_out)
        if left_out:
            complain(describe_left_out(left_out))
        if found[0].path == manifest:
            raise BatchManifestError(f"{manifest} holds no recordings. Name the folder that does, or a list of paths.")
        yield from (str(source.path) for source in found)
        return
    if manifest.suffix.lower() in SUFFIXES:
        raise BatchManifestError(f"{manifest} is a recording. Name its folder or a list, or use `timeaudio caption`.")
    with _opened(manifest) as file:
        match manifest.suffix.lower():
            case ".csv":
                yield from _table(manifest, csv.reader(file))
            case ".tsv":
                yield from _table(manifest, csv.reader(file, delimiter="\t"))
            case ".jsonl" | ".ndjson":
                yield from _objects(manifest, file)
            case _:
                lines = (line.rstrip("\r\n") for line in file)
                yield from (line for line in lines if line.strip() and not line.startswith("#"))


def _opened(manifest: Path) -> TextIO:
    """Open a list, which may be a pipe: as UTF-8, or as UTF-16 if its byte order mark says so (PowerShell)."""
    file = manifest.open("rb")  # noqa: SIM115  the caller closes it
    is_wide = file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return io.TextIOWrapper(file, "utf-16" if is_wide else "utf-8-sig", errors="surrogateescape", newline="")


def _table(manifest: Path, rows: Iterator[list[str]]) -> Iterator[str]:
    try:
        yield from _column(manifest, rows)
    except csv.Error as error:
        raise BatchManifestError(
            f"{manifest} is not a valid table ({error}). Is a quotation mark not closed?"
        ) from None


def _column(manifest: Path, rows: Iterator[list[str]]) -> Iterator[str]:
    heading = next(rows, [])
    if COLUMN not in heading:
        raise BatchManifestError(
            f"{manifest} has no column {COLUMN!r}; its first line is {', '.join(heading)[:100]!r}."
        )
    place = heading.index(COLUMN)
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) <= place or not row[place]:
            raise BatchManifestError(f"{manifest}, row {number}: the {COLUMN} is missing.")
        yield row[place]


def _objects(manifest: Path, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            path = json.loads(line)[COLUMN]
        except (ValueError, KeyError, TypeError):
            path = None
        if not isinstance(path, str) or not path:
            raise BatchManifestError(f'{manifest}, line {number}: write an object like {{"path": "street.flac"}}.')
        yield path
