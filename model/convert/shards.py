"""Writes a directory file by file under a temporary name, and resumes after an interruption."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import Tensor

from model.convert.downloads import read_json
from model.errors import CheckpointError

MOST_SHARD_BYTES = 1024**3
"""Largest size of a shard. One shard at a time is in memory."""

_JOURNAL = "unfinished.json"
_HASH_BYTES = 16 * 1024**2

Item = TypeVar("Item")


def packed(items: Iterable[Item], num_bytes: Callable[[Item], int], limit: int) -> Iterator[list[Item]]:
    """Yield runs of items, in order, of at most `limit` bytes each. A larger item gets a run of its own."""
    run: list[Item] = []
    size = 0
    for item in items:
        if run and size + num_bytes(item) > limit:
            yield run
            run, size = [], 0
        run.append(item)
        size += num_bytes(item)
    if run:
        yield run


class PartialDirectory:
    """The directory `OUT.partial`, which is renamed to OUT when it is complete.

    Its journal holds size and digest of every finished weight file. A file is written under a temporary name and then
    renamed, so that a partial file never has the final name.
    """

    def __init__(self, out: Path, origin: Mapping[str, Any]) -> None:
        """Resume from an existing `OUT.partial` if it has the same `origin`; otherwise start over.

        Raises:
            CheckpointError: OUT exists, or another program created OUT.partial.
        """
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CheckpointError(f"--out {out} exists: remove it, or give another directory.")
        self.out = out.resolve()
        self.folder = self.out.with_name(self.out.name + ".partial")
        self._journal = self.folder / _JOURNAL
        self._origin = json.loads(json.dumps(origin))
        self._done: dict[str, dict[str, Any]] = {}
        if self.folder.exists():
            if not self._journal.is_file():
                raise CheckpointError(f"{self.folder} exists and was not created by this command: remove it.")
            journal = read_json(self._journal)
            if journal.get("origin") == self._origin:
                self._done = journal["files"]
            else:
                shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_journal()

    @property
    def num_bytes(self) -> int:
        """Number of bytes in the finished weight files."""
        return sum(int(entry["bytes"]) for entry in self._done.values())

    def has(self, name: str) -> bool:
        """Return whether a weight file is finished and unchanged since it was written."""
        entry, path = self._done.get(name), self.folder / name
        if entry is None or not path.is_file() or path.stat().st_size != entry["bytes"]:
            return False
        return _digest(path) == entry["sha256"]

    def write(self, name: str, tensors: dict[str, Tensor]) -> None:
        """Write a weight file under a temporary name, rename it, and record it in the journal."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(path.name + ".tmp")
        save_file(tensors, beside, {"format": "pt"})
        beside.chmod(0o644)  # the library lets only the owner read; a server may run as another user
        self._done[name] = {"bytes": beside.stat().st_size, "sha256": _digest(beside)}
        beside.replace(path)
        self._write_journal()

    def finish(self) -> None:
        """Rename the complete directory to OUT."""
        self._journal.unlink()
        if self.out.exists():
            self.out.rmdir()  # empty, as checked at the start
        self.folder.rename(self.out)

    def _write_journal(self) -> None:
        beside = self._journal.with_suffix(".tmp")
        beside.write_text(json.dumps({"origin": self._origin, "files": self._done}, indent=2), encoding="utf-8")
        beside.replace(self._journal)


def require_space(folder: Path, num_bytes: int) -> None:
    """Check that the disk of a folder has room for `num_bytes` more.

    Raises:
        CheckpointError: it does not.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise CheckpointError(
            f"{folder} needs {num_bytes / 1e9:.1f} GB more, but its disk has only {free / 1e9:.1f} GB free: free some "
            "space, or give another --out."
        )


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_HASH_BYTES):
            found.update(piece)
    return found.hexdigest()
