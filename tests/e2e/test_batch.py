"""`timeaudio batch` with a real server: one row per recording, whichever process is killed."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas
import pytest
from pyarrow import parquet

from tests.e2e.conftest import TESTS, descendants
from timeaudio.batch.servers import OwnServer


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "timeaudio", "batch", *map(str, words)]


ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("TIMEAUDIO_")},
    "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}",
    "TIMEAUDIO_WORKER__PIPELINE": "scripted_pipeline",
}


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), env=ENVIRONMENT, capture_output=True, text=True, timeout=100)


def start(*words: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(command(*words), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def until(condition: Callable[[], bool], timeout: float = 60.0) -> None:
    give_up = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < give_up, "the condition was not met in time"
        time.sleep(0.02)


def words(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def is_server(pid: int) -> bool:
    return b"die_with_parent" in words(pid)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture
def archive(tmp_path: Path, tone_wav: Callable[..., bytes]) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02d}.wav").write_bytes(tone_wav(1.0 + number / 10))
    return folder


def test_each_recording_has_one_row_and_is_processed_once(archive: Path, tmp_path: Path) -> None:
    manifest, output = tmp_path / "manifest.txt", tmp_path / "rows.jsonl"
    (archive / "broken.wav").write_bytes(b"RIFF")
    named = [*sorted(map(str, archive.iterdir())), str(archive / "missing.wav")]
    manifest.write_text("\n".join([*named, named[0]]))
    first = run(manifest, "-o", output, "--price", "2.5")
    assert first.returncode == 1, first.stderr  # two failed
    found = {row["path"]: row for row in rows(output)}
    assert len(rows(output)) == len(found) == len(named)
    assert set(found) == set(named)
    assert found[named[-1]]["error"] == "unreadable"
    assert found[str(archive / "broken.wav")]["error"] == "unsupported-audio"
    row = found[named[3]]
    assert row["status"] == "ok"
    assert row["answer"]["audio"]["duration"] == 1.3
    assert row["answer"]["events"]
    assert "24 answered, 2 failed" in first.stderr
    assert "1,000 h cost" in first.stderr
    again = run(manifest, "-o", output)
    assert again.returncode == 0, again.stderr
    assert "0 answered, 0 failed, 26 done before" in again.stderr
    (archive / "missing.wav").write_bytes(Path(named[0]).read_bytes())
    third = run(manifest, "-o", output, "--retry-failed")
    assert third.returncode == 1
    assert "1 answered, 1 failed, 24 done before" in third.stderr
    assert Counter(row["status"] for row in rows(output)) == {"ok": 25, "failed": 1}


def test_a_killed_batch_resumes_and_ends_with_one_row_per_recording(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    words = (archive, "-o", output, "--task", "ground", "-q", "sleep 0.3", "--at-once", "2")
    for kills in range(2):
        process = start(*words)
        try:
            until(lambda at_least=4 * kills + 3: lines(output) >= at_least)
            below = descendants(process.pid)
            assert len(below) >= 3  # a server, its worker, its decoders
        finally:
            process.kill()
            process.communicate()
        until(lambda below=below: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in below), 15)
        with output.open("a") as file:
            file.write('{"path": "torn')
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert sorted(row["path"] for row in rows(output)) == sorted(map(str, archive.iterdir()))
    assert {row["status"] for row in rows(output)} == {"ok"}


@pytest.mark.parametrize("victim", ["server", "worker"])
def test_a_batch_survives_a_killed_server_or_worker(archive: Path, tmp_path: Path, victim: str) -> None:
    output = tmp_path / "rows.jsonl"
    process = start(archive, "-o", output, "--task", "ground", "-q", "sleep 0.2", "--at-once", "2")
    until(lambda: lines(output) >= 3)
    for pid in descendants(process.pid):
        with contextlib.suppress(OSError):
            if is_server(pid) if victim == "server" else b"server.worker" in words(pid):
                os.kill(pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    assert sorted(row["path"] for row in rows(output)) == sorted(map(str, archive.iterdir()))
    assert {row["status"] for row in rows(output)} == {"ok"}


def test_an_interrupted_batch_says_how_to_go_on(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    process = start(archive, "-o", output, "--task", "ground", "-q", "sleep 0.3", "--at-once", "2")
    until(lambda: lines(output) >= 2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"Interrupted after {lines(output)} answered, 0 failed" in errors
    assert "Run the same command again to go on." in errors


def test_a_server_that_has_just_died_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    async def run() -> None:
        own = OwnServer(None, "cpu", places=1)
        try:
            await own.revive()
            first = own.url
            [server] = [pid for pid in descendants(os.getpid()) if is_server(pid)]
            os.kill(server, signal.SIGKILL)
            await own.revive()  # before this process can have noticed the death
            assert own.url != first
        finally:
            await own.close()

    asyncio.run(run())


def test_its_own_server_takes_an_hour_of_wav_and_has_the_limits_of_the_operator(
    tmp_path: Path, tone_wav: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, output = tmp_path / "one.txt", tmp_path / "rows.jsonl"
    path = tmp_path / "hour.wav"
    path.write_bytes(tone_wav(1.0, rate=48_000))
    os.truncate(path, 300_000_000)  # more than a server takes by default; the rest is silence
    manifest.write_text(str(path))
    done = run(manifest, "-o", output)
    assert (done.returncode, rows(output)[0]["status"]) == (0, "ok"), done.stderr
    monkeypatch.setitem(ENVIRONMENT, "TIMEAUDIO_LIMITS__UPLOAD_BYTES", "1000")
    done = run(manifest, "-o", tmp_path / "more.jsonl")
    assert "Send at most 1000 bytes" in done.stderr


def test_a_recording_that_crashes_the_model_gets_a_failed_row(archive: Path, tmp_path: Path) -> None:
    manifest, output = tmp_path / "one.txt", tmp_path / "rows.jsonl"
    manifest.write_text(str(archive / "00.wav"))
    done = run(manifest, "-o", output, "--task", "ground", "-q", "crash")
    assert done.returncode == 1, done.stderr
    [row] = rows(output)
    assert row["status"] == "failed"
    assert row["error"] in ("quarantined", "worker-lost")


def test_a_running_server_can_be_used(
    archive: Path, tmp_path: Path, run_scripted: Callable[..., contextlib.AbstractContextManager[Any]]
) -> None:
    output = tmp_path / "rows.jsonl"
    with run_scripted() as server:
        done = run(archive, "-o", output, "--server", server.url, "--shard", "1/2")
    assert done.returncode == 0, done.stderr
    assert 0 < len(rows(output)) < 24


def test_parquet_has_the_same_rows(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.parquet"
    (archive / "00.wav").rename(archive / "20260601_053000.wav")
    (archive / "broken.wav").write_bytes(b"RIFF")
    done = run(archive, "-o", output)
    assert done.returncode == 1, done.stderr
    found = {row["path"]: row for row in parquet.read_table(output).to_pylist()}
    assert len(found) == 25
    assert found[str(archive / "broken.wav")]["error"] == "unsupported-audio"
    row = found[str(archive / "20260601_053000.wav")]
    assert row["duration_s"] == 1.0
    assert row["recorded_at"] == datetime(2026, 6, 1, 5, 30)
    assert json.loads(row["answer"])["events"]
    assert row["spans"][0].keys() == {"start_s", "end_s", "label", "confidence"}
    assert len(pandas.read_parquet(output)) == 25


def test_embeddings_are_written_if_requested(archive: Path, tmp_path: Path) -> None:
    manifest, output = tmp_path / "one.txt", tmp_path / "rows.parquet"
    manifest.write_text(str(archive / "00.wav"))
    for task in ((), ("--task", "ground", "-q", "dog")):
        output.with_suffix(".parquet.jsonl").unlink(missing_ok=True)
        done = run(manifest, "-o", output, "--embeddings", *task)
        assert done.returncode == 0, done.stderr
        [found] = parquet.read_table(output).to_pylist()
        assert found["embeddings"] == [pytest.approx([0.6, -0.8, 0.0])]
        assert len(found["spans"]) == 1
        [written] = rows(output.with_suffix(".parquet.jsonl"))
        assert json.dumps(written).count("[0.6, -0.8, 0.0]") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "ground"), "say what to look for"),
        (("-q", "rain"), "takes no -q"),
        (("--shard", "4/3"), "not a valid part"),
        (("--server", "http://127.0.0.1:1", "--model", "x"), "neither --model"),
    ],
)
def test_contradicting_options_are_rejected(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = run(tmp_path, "-o", tmp_path / "rows.jsonl", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "rows.jsonl").exists()


def test_a_table_is_not_promised(tmp_path: Path) -> None:
    done = run(tmp_path, "-o", tmp_path / "rows.csv")
    assert done.returncode == 2
    assert "-o writes .jsonl or .parquet" in done.stderr
    assert not (tmp_path / "rows.csv").exists()
