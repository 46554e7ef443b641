"""A run names the recordings that fail, and starts no server without a recording to analyse."""

import asyncio
from pathlib import Path

import pytest

from timeaudio.batch import run as batch_run
from timeaudio.batch.journal import Journal
from timeaudio.batch.row_counts import RowCounts
from timeaudio.batch.run import MOST_TRIES, answer_one, failed, run_all
from timeaudio.batch.task_spec import TaskSpec
from timeaudio.errors import ApiError


class Server:
    """A server that only counts how often it is started and stopped."""

    url = "http://127.0.0.1:9"

    def __init__(self) -> None:
        self.num_started = self.num_closed = 0

    async def revive(self) -> None:
        self.num_started += 1

    def answered(self) -> None:
        pass

    async def close(self) -> None:
        self.num_closed += 1


def test_without_a_recording_no_server_is_started(tmp_path: Path) -> None:
    server = Server()
    with Journal(tmp_path / "rows.jsonl") as journal:
        run_all([], TaskSpec("caption"), journal, RowCounts(print), server, at_once=4)
    assert (server.num_started, server.num_closed) == (0, 1)


def test_failed_recordings_are_named_with_their_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(path: str, *_: object) -> dict[str, object]:
        return failed(path, "corrupt-audio", f"The file {path} is damaged.")

    monkeypatch.setattr(batch_run, "answer_one", fail)
    messages: list[str] = []
    server = Server()
    with Journal(tmp_path / "rows.jsonl") as journal:
        counts = RowCounts(messages.append)
        run_all(["a.wav", "b.wav"], TaskSpec("caption"), journal, counts, server, at_once=1)
        assert journal.done == {"a.wav", "b.wav"}
    assert messages == ["a.wav: The file a.wav is damaged.", "b.wav: The file b.wav is damaged."]
    assert (counts.failed, server.num_started, server.num_closed) == (2, 1, 1)


def test_a_server_that_stays_busy_is_not_called_lost() -> None:
    class BusySpec:
        async def of(self, *_: object) -> None:
            raise ApiError(503, {"type": "urn:timeaudio:error:out-of-memory", "detail": "The device is full."})

    server = Server()
    row = asyncio.run(answer_one("a.wav", BusySpec(), server))  # type: ignore[arg-type]
    assert (row["error"], row["detail"]) == ("out-of-memory", "The device is full.")
    assert server.num_started == MOST_TRIES
