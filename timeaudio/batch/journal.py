"""The output of a running batch: a JSONL file with one complete row per recording.

A row is one write to a file that is open for appending. A process killed during a write leaves at most an incomplete
last line, which the next run cuts off. If a process is killed before a write, the next run analyses that recording
again.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from timeaudio.errors import ClientError

_BEGINNING = b'{"path": "'
_SYNC_S = 1.0  # a power failure may lose the rows of this time; a killed process loses none


class JournalError(ClientError):
    """The output cannot be resumed; the message says why and what to do."""


class Journal:
    """The rows of a batch, open for appending by one process at a time."""

    def __init__(self, path: Path, *, again: bool = False) -> None:
        """Open or create the file. `again` removes the rows of failed recordings, so that they are retried.

        Raises:
            JournalError: another run writes to the file, or it is not a journal.
            OSError: the file cannot be opened.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._synced_at = time.monotonic()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise JournalError(f"Another run is writing to {path}. Wait for it to end, or use another file.") from None
        self._check_beginning()
        self._cut_torn_line()
        if again:
            self._take_out_failures()
        self.done: set[str] = set()
        self._first_answer: Mapping[str, Any] | None = None
        for row in rows(path):
            self.done.add(str(row["path"]))
            self._first_answer = self._first_answer or row.get("answer")

    def check_task(self, is_ours: Callable[[Mapping[str, Any]], bool]) -> None:
        """Check that the answers so far, of which one is enough, belong to the task of this run.

        Raises:
            JournalError: they are those of another task, or to other queries.
        """
        if self._first_answer is not None and not is_ours(self._first_answer):
            raise JournalError(
                f"{self.path} has the answers of another task, or to other queries. Use another output file."
            )

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row, which has a `path`.

        Raises:
            JournalError: the recording already has a row.
            OSError: the disk is full, or gone; the file then ends with the previous row.
        """
        path = str(row["path"])
        if path in self.done:
            raise JournalError(f"{path} already has a row.")
        line = memoryview((json.dumps(row, ensure_ascii=True) + "\n").encode())
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError:
            os.ftruncate(self._file, end)
            raise
        self.done.add(path)
        if time.monotonic() - self._synced_at > _SYNC_S:
            os.fsync(self._file)
            self._synced_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.fsync(self._file)
        os.close(self._file)

    def _check_beginning(self) -> None:
        """Raise JournalError if the file begins like no row, even a torn one: it must stay as it is."""
        beginning = os.pread(self._file, len(_BEGINNING), 0)
        if not _BEGINNING.startswith(beginning) or _is_of_a_manifest(self.path):
            os.close(self._file)
            raise JournalError(f"{self.path} was not written by `timeaudio batch`. Use another output file.")

    def _cut_torn_line(self) -> None:
        end = size = os.fstat(self._file).st_size
        while end > 0:
            start = max(0, end - 65536)
            found = os.pread(self._file, end - start, start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._file, end)

    def _take_out_failures(self) -> None:
        """Replace the file by one without failures. This process holds the lock on both."""
        target = self.path.resolve()  # not a link to it
        kept = target.with_name(f".{target.name}.kept")
        with kept.open("w", encoding="ascii") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows(self.path) if row.get("status") != "failed")
            file.flush()
            os.fsync(file.fileno())
            fresh = os.open(kept, os.O_RDWR | os.O_APPEND)
            fcntl.flock(fresh, fcntl.LOCK_EX)
        os.replace(kept, target)
        os.close(self._file)
        self._file = fresh


def _is_of_a_manifest(path: Path) -> bool:
    """Return whether the first line is a whole object without a status, `{"path": "a.wav"}`."""
    with path.open("rb") as file:
        first = file.readline()
    try:
        return "status" not in json.loads(first)
    except ValueError:
        return False  # torn, or damaged


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a journal.

    Raises:
        JournalError: a line is not a row.
    """
    with path.open(encoding="utf-8", errors="replace") as file:  # a damaged line fails below, as any other
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
                row["path"], row["status"]
            except (ValueError, KeyError, TypeError):
                raise JournalError(
                    f"{path}, line {number}: not a row of `timeaudio batch`. Use another output file."
                ) from None
            yield row
