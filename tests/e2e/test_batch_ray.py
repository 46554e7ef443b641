"""`timeaudio batch --ray` on a local cluster writes one row per recording even if an actor is killed."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_batch import ENVIRONMENT, command

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a cluster takes a minute to start


def actors() -> list[int]:
    """Ray processes that run our actor."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdecimal() and b"MapBatches(Actor)" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def test_a_killed_actor_neither_loses_nor_duplicates_rows(tmp_path: Path, tone_wav: Callable[..., bytes]) -> None:
    for number in range(16):
        (tmp_path / f"{number:02d}.wav").write_bytes(tone_wav(1.0 + number / 10))
    output = tmp_path / "rows.jsonl"
    words = (tmp_path, "-o", output, "--ray", "--task", "ground", "-q", "sleep 0.5", "--at-once", "2")
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(command(*words), env=ENVIRONMENT, stdout=log, stderr=log)
        give_up = time.monotonic() + 300
        while not (output.exists() and output.stat().st_size and actors()):
            assert time.monotonic() < give_up
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        os.kill(actors()[0], signal.SIGKILL)
        assert process.wait(300) == 0, (tmp_path / "log").read_text()
        assert "worker died or was killed" in (tmp_path / "log").read_text()
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert sorted(row["path"] for row in rows) == sorted(map(str, tmp_path.glob("*.wav")))
    assert {row["status"] for row in rows} == {"ok"}
