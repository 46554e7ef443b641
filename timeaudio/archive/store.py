"""The files of an archive, opened by DuckDB: Parquet that `timeaudio batch` wrote."""

import glob
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from timeaudio.errors import ClientError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_NEEDED: Final = frozenset({"path", "status", "duration_s", "spans"})
_NEEDED_SPANS: Final = frozenset({"spans.start_s", "spans.end_s", "spans.label"})
# Values that Python or JSON cannot represent count as unknown.
_COLUMNS: Final = """
    path::VARCHAR AS path,
    if(recorded_at::TIMESTAMP BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31', recorded_at::TIMESTAMP, NULL)
        AS recorded_at,
    if(isfinite(duration_s::DOUBLE), duration_s::DOUBLE, NULL) AS duration_s,
    spans::STRUCT(start_s DOUBLE, end_s DOUBLE, label VARCHAR, confidence DOUBLE)[] AS spans
"""
_ESCAPE: Final = re.compile(rb"\\x([89a-f][0-9a-f])")
_LONGEST_S: Final = 1e9
_MEMORY: Final = "300MB"
"""Above this, DuckDB moves data to files in the system's folder for temporary files."""


class ArchiveError(ClientError):
    """The archive cannot be read; the message says what to do."""


class Archive:
    """An open archive. `connection` has a view `archive`, a row per recording: path, recorded_at, duration_s, spans."""

    def __init__(self, place: Path) -> None:
        """Open a Parquet file, or all Parquet files of a folder, such as the parts of `timeaudio batch --shard`.

        Raises:
            ArchiveError: the file does not exist, or it lacks columns that `timeaudio batch` writes.
            ModuleNotFoundError: DuckDB is not installed.
        """
        import duckdb

        self.place = place
        self.folder = place if place.is_dir() else place.parent
        files = sorted(filter(_is_part, place.iterdir())) if place.is_dir() else [place]
        _check(place, files)
        self.connection: DuckDBPyConnection = duckdb.connect(
            config={
                "memory_limit": _MEMORY,
                "temp_directory": str(Path(tempfile.gettempdir(), "timeaudio-archive")),
                "autoinstall_known_extensions": False,  # it would use the network
            }
        )
        with self.reading():
            found = self.connection.read_parquet(
                [glob.escape(str(file)) for file in files],
                union_by_name=True,
                binary_as_string=True,  # some writers do not declare text as such
            )
            columns = _columns(found)
            if missing := _NEEDED - columns or _NEEDED_SPANS - columns:
                raise ArchiveError(
                    f"{place} has no column {', '.join(sorted(missing))}: it is not from `timeaudio batch -o "
                    "FILE.parquet`."
                )
            if "recorded_at" not in columns:
                found = found.project("*, NULL::TIMESTAMP AS recorded_at")
            found.filter("status::VARCHAR = 'ok' AND path IS NOT NULL").project(_COLUMNS).create_view("archive")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise an ArchiveError instead of DuckDB's errors, some of which occur only when values are read."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise ArchiveError(f"{self.place} cannot be read as Parquet: {str(error).splitlines()[0]}") from None

    def locate(self, path: str) -> Path:
        """Return where a recording is: a relative path starts at the archive's folder or at the working directory.

        Parquet holds text, so the bytes of a name that are not UTF-8 are escapes there.
        """
        raw = _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), os.fsencode(path))
        possible = (place for name in (path, os.fsdecode(raw)) for place in (self.folder / name, Path(name)))
        return next(filter(os.path.exists, possible), Path(path))  # False for a name that is too long


def events_of(table: str) -> str:
    """Return a query for the events of a table's `spans`: a row each, with the table's other columns.

    Events without a label, or with times that no recording has, are left out.
    """
    return f"""
        SELECT * EXCLUDE span, span.start_s, span.end_s, span.label,
            if(isfinite(span.confidence), span.confidence, NULL) AS confidence
        FROM (SELECT * EXCLUDE spans, unnest(spans) AS span FROM {table})
        WHERE span.start_s >= 0 AND span.end_s >= span.start_s AND span.end_s < {_LONGEST_S} AND span.label IS NOT NULL
    """


def _is_part(file: Path) -> bool:
    """Return whether a file in a folder belongs to its archive. Systems put hidden copies beside files."""
    return file.suffix.lower() == ".parquet" and not file.name.startswith(".") and file.is_file()


def _columns(found: "DuckDBPyRelation") -> set[str]:
    """Return the names of the columns, and of the fields of a list of structures as `spans.label`."""
    columns = set()
    for name, kind in zip(found.columns, found.types, strict=True):
        columns.add(name.lower())
        for _, field in kind.children if kind.id == "list" else ():
            if isinstance(field, type(kind)) and field.id == "struct":
                columns |= {f"{name}.{inner}".lower() for inner, _ in field.children}
    return columns


def _check(place: Path, files: list[Path]) -> None:
    if not place.exists():
        raise ArchiveError(f"{place}: no such file. Make one with `timeaudio batch RECORDINGS -o FILE.parquet`.")
    if not files:
        raise ArchiveError(f"{place} has no .parquet file. Make one with `timeaudio batch RECORDINGS -o FILE.parquet`.")
    if place.suffix in (".jsonl", ".ndjson"):
        raise ArchiveError(
            f"{place} is not Parquet. Run `mv {place} {place.stem}.parquet.jsonl`, then the same `timeaudio batch` "
            f"command with -o {place.stem}.parquet: it takes over all rows."
        )
