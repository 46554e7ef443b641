"""The files of an archive, opened by DuckDB: Parquet that `timeaudio batch` wrote."""

import glob
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from timeaudio.errors import ClientError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NEEDED: Final = frozenset({"path", "status", "duration_s", "spans"})
_MEMORY: Final = "300MB"
"""Above it DuckDB moves data to files in the system's folder for temporary files."""


class ArchiveError(ClientError):
    """The archive cannot be read; the message says what to do."""


class Archive:
    """An open archive. `connection` has a view `archive`, a row per recording, with the columns of `write_parquet`."""

    def __init__(self, place: Path) -> None:
        """Open a Parquet file, or all Parquet files of a folder, such as the parts of `timeaudio batch --shard`.

        Raises:
            ArchiveError: there is no such file, or `timeaudio batch` did not write it.
            ModuleNotFoundError: DuckDB is not installed.
        """
        import duckdb

        self.place = place
        self.folder = place if place.is_dir() else place.parent
        files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
        _check(place, files)
        self.connection: DuckDBPyConnection = duckdb.connect(
            config={
                "memory_limit": _MEMORY,
                "temp_directory": str(Path(tempfile.gettempdir(), "timeaudio-archive")),
                "autoinstall_known_extensions": False,  # it would use the network
            }
        )
        try:
            found = self.connection.read_parquet([glob.escape(str(file)) for file in files], union_by_name=True)
        except duckdb.Error as error:
            raise ArchiveError(f"{place} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
        if missing := _NEEDED - set(found.columns):
            raise ArchiveError(
                f"{place} has no column {', '.join(sorted(missing))}: it is not from `timeaudio batch -o FILE.parquet`."
            )
        if "recorded_at" not in found.columns:
            found = found.project("*, NULL::TIMESTAMP AS recorded_at")
        found.filter("status = 'ok'").create_view("archive")

    def locate(self, path: str) -> Path:
        """Return where a recording is: a relative path starts at the archive's folder or at the working directory."""
        beside = self.folder / path
        return beside if beside.exists() else Path(path)


def _check(place: Path, files: list[Path]) -> None:
    if not place.exists():
        raise ArchiveError(f"{place}: no such file. Make one with `timeaudio batch RECORDINGS -o FILE.parquet`.")
    if not files:
        raise ArchiveError(f"{place} has no .parquet file. Make one with `timeaudio batch RECORDINGS -o FILE.parquet`.")
    if place.suffix in (".jsonl", ".ndjson"):
        raise ArchiveError(
            f"{place} is not Parquet. Run the same `timeaudio batch` command with -o {place.stem}.parquet after "
            f"`mv {place} {place.stem}.parquet.jsonl`: it takes over all rows."
        )
