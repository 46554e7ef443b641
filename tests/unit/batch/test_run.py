"""A run names the recordings that fail, and starts no server without a recording to analyse."""

import asyncio
import os
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from tests.answers import shared
from timeaudio.batch import run as batch_run
from timeaudio.batch.journal import Journal
from timeaudio.batch.row_counts import RowCounts
from timeaudio.batch.run import MOST_TRIES, answer_one, failed, run_all
from timeaudio.batch.task_spec import TaskSpec
from timeaudio.errors import ApiError, ServerUnreachable
from timeaudio.results import DenseCaption


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


def test_a_fault_of_the_program_is_raised_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> dict[str, object]:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(batch_run, "answer_one", fail)
    with Journal(tmp_path / "rows.jsonl") as journal, pytest.raises(ZeroDivisionError, match="a defect"):
        run_all(["a.wav", "b.wav"], TaskSpec("caption"), journal, RowCounts(print), Server(), at_once=2)


class Refusals:
    """A task that raises the errors in order, then answers."""

    def __init__(self, errors: Iterable[ApiError]) -> None:
        self._errors = iter(errors)
        self.num_requests = 0

    async def of(self, *_: object) -> DenseCaption:
        self.num_requests += 1
        if (error := next(self._errors, None)) is not None:
            raise error
        return DenseCaption(**shared(), events=())


def row_of(task: Refusals, server: Server) -> dict[str, Any]:
    return asyncio.run(asyncio.wait_for(answer_one("a.wav", task, server), 20))  # type: ignore[arg-type]


def no_memory(retry_after_s: float | None) -> ApiError:
    problem = {"type": "urn:timeaudio:problem:out-of-memory", "detail": "The device is full."}
    return ApiError(503, problem, retry_after_s=retry_after_s)


@pytest.mark.parametrize("retry_after_s", [None, 0.6])  # servers of earlier versions name no time
def test_a_recording_for_which_there_is_no_memory_fails_soon(
    monkeypatch: pytest.MonkeyPatch, retry_after_s: float | None
) -> None:
    monkeypatch.setattr(batch_run, "NO_MEMORY_FOR_S", 1.0)
    task, server = Refusals(repeat(no_memory(retry_after_s))), Server()
    row = row_of(task, server)
    assert (row["error"], row["detail"]) == ("out-of-memory", "The device is full.")
    assert (task.num_requests, server.num_started) == (2, 1)  # after half a second, not after a second more


def test_a_passing_lack_of_memory_is_waited_for() -> None:
    assert row_of(Refusals([no_memory(0.01)]), Server())["status"] == "ok"


def test_a_503_of_a_proxy_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "NO_MEMORY_FOR_S", 0.0)
    assert row_of(Refusals([ApiError(503, {"title": "Service Unavailable"})]), Server())["status"] == "ok"


def test_a_full_server_is_waited_for_as_long_as_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NO_MEMORY_FOR_S", "NOT_READY_FOR_S", "TELL_AFTER_S"):
        monkeypatch.setattr(batch_run, name, 0.0)
    full = ApiError(429, {"detail": "Three hours of audio are queued."}, retry_after_s=0.01)
    assert row_of(Refusals([full] * 20), Server())["status"] == "ok"
    assert (
        capsys.readouterr().err
        == "timeaudio: a.wav: still waiting. The server says: Three hours of audio are queued.\n"
    )


def test_a_worker_that_keeps_dying_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "NOT_READY_FOR_S", 0.05)
    lost = ApiError(503, {"type": "urn:timeaudio:problem:worker-lost"}, retry_after_s=0.01)
    assert row_of(Refusals(repeat(lost)), Server())["error"] == "worker-lost"


def test_a_server_that_dies_with_a_recording_is_started_again() -> None:
    class Deaths(Refusals):
        async def of(self, *_: object) -> DenseCaption:
            self.num_requests += 1
            raise ServerUnreachable("gone")

    task, server = Deaths([]), Server()
    assert row_of(task, server)["error"] == "server-lost"
    assert (task.num_requests, server.num_started) == (MOST_TRIES, MOST_TRIES - 1)


def test_a_pipe_in_an_archive_fails_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    row = asyncio.run(answer_one(str(pipe), TaskSpec("caption"), Server()))
    assert (row["error"], row["detail"]) == ("unreadable", "it is a pipe, not a file")
