"""The complete `timeaudio demo`, which `make demo` runs after the installation."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model.checkpoint import EMBEDDED, save_checkpoint
from tests.factories import small_model


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The embedded checkpoint, or one with random weights if none has been trained yet."""
    if (EMBEDDED / "config.json").exists():
        return []
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder, *small_model(), dtype=torch.float32)
    return ["--model", str(folder)]


def timeaudio(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "timeaudio", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


def test_the_demo_processes_both_recordings_and_stops_its_server(arguments: list[str]) -> None:
    ended = timeaudio("demo", *arguments)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    for step in ("[1/4]", "[2/4]", "[3/4]", "[4/4]"):
        assert ended.stdout.count(step) == 1
    assert ended.stdout.count("dog-barking.flac  5.0 s") == 2
    assert ended.stdout.count("rooster-crowing.flac  5.0 s") == 2
    assert len(re.findall(r" took \d+\.\d\d s\.", ended.stdout)) == 4
    port = re.search(r"--port (\d+)", ended.stdout)
    assert port
    assert not serving_on(port[1])


def test_if_the_server_cannot_start_the_demo_prints_one_line(tmp_path: Path) -> None:
    ended = timeaudio("demo", "--model", str(tmp_path / "nowhere"))
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("timeaudio: The server exited during startup:")
    assert "nowhere" in line


def serving_on(port: str) -> list[str]:
    """Return the command lines of processes that serve on a port."""
    lines = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if "serve" in words and port in words:
            lines.append(" ".join(words))
    return lines
