"""A directory that is written file by file, beside the place where it will stand, and goes on where it was stopped."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import Tensor

from model.errors import CheckpointError
from model.released.downloads import read_json

MOST_SHARD_BYTES = 1024**3
"""No shard is written larger: one is in memory at a time."""

_JOURNAL = "unfinished.json"
_HASH_BYTES = 16 * 1024**2

Item = TypeVar("Item")


def packed(items: Iterable[Item], num_bytes: Callable[[Item], int], limit: int) -> Iterator[list[Item]]:
    """Runs of items, in order, that are at most `limit` bytes together; an item over it stands alone."""
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


class Unfinished:
    """The directory `OUT.partial`, until it is whole and becomes OUT.

    A journal in it holds size and digest of every file of weights that is done. A file is written under another name
    and renamed, so that a name never stands for half a file.
    """

    def __init__(self, out: Path, origin: Mapping[str, Any]) -> None:
        """Go on with what stands there, if it was made from the same `origin`; begin anew otherwise.

        Raises:
            CheckpointError: OUT is taken, or OUT.partial is not ours.
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
                raise CheckpointError(f"{self.folder} is in the way and was not begun by this command: remove it.")
            journal = read_json(self._journal)
            if journal.get("origin") == self._origin:
                self._done = journal["files"]
            else:
                shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_journal()

    @property
    def num_bytes(self) -> int:
        """Bytes of weights that are done."""
        return sum(int(told["bytes"]) for told in self._done.values())

    def has(self, name: str) -> bool:
        """Whether a file of weights is done and still what was written."""
        told, path = self._done.get(name), self.folder / name
        if told is None or not path.is_file() or path.stat().st_size != told["bytes"]:
            return False
        return _digest(path) == told["sha256"]

    def write(self, name: str, tensors: dict[str, Tensor]) -> None:
        """A file of weights, written beside its name, then renamed, then entered in the journal."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(path.name + ".tmp")
        save_file(tensors, beside, {"format": "pt"})
        beside.chmod(0o644)  # the library lets the owner alone read; a server may be another user
        self._done[name] = {"bytes": beside.stat().st_size, "sha256": _digest(beside)}
        beside.replace(path)
        self._write_journal()

    def finish(self) -> None:
        """The directory is whole: it takes its name."""
        self._journal.unlink()
        if self.out.exists():
            self.out.rmdir()  # empty, as was seen at the start
        self.folder.rename(self.out)

    def _write_journal(self) -> None:
        beside = self._journal.with_suffix(".tmp")
        beside.write_text(json.dumps({"origin": self._origin, "files": self._done}, indent=2), encoding="utf-8")
        beside.replace(self._journal)


def require_space(folder: Path, num_bytes: int) -> None:
    """There is room for so many bytes more in a folder.

    Raises:
        CheckpointError: there is not.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise CheckpointError(
            f"{folder} needs {num_bytes / 1e9:.1f} GB more and its disk has {free / 1e9:.1f} GB free: make room, or "
            "give another --out."
        )


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_HASH_BYTES):
            found.update(piece)
    return found.hexdigest()
