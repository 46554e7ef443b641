"""docs/archives.md: run every command on the page, in its order, and compare the output."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import httpx
import pytest

from tests.e2e.conftest import TESTS

ROOT = TESTS.parent
PAGE = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT),
    "no_proxy": "127.0.0.1",
}


def without_confidence(text: str) -> str:
    """Return a list of events without confidences, which differ a little between processors."""
    return re.sub(r"\(0\.\d+\)", "(?)", text)


def run(command: str, folder: Path) -> str:
    done = subprocess.run(command, shell=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.mark.timeout(300)  # it loads the model three times
def test_the_commands_work_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recordings").mkdir()
    for name in ("dog-barking.flac", "rooster-crowing.flac"):
        shutil.copy(ROOT / "server" / "recordings" / name, tmp_path / "recordings")
    commands = [line for kind, text in BLOCKS if kind == "sh" for line in text.strip().splitlines()]
    assert [command.split()[1] for command in commands] == ["batch", *["find"] * 7, "batch", "browse"]
    printed = [run(command, tmp_path) for command in commands[:-1]]
    shown = [text for kind, text in BLOCKS if kind == "text"]
    assert [without_confidence(text) for text in shown] == [without_confidence(printed[1])]
    assert "recordings/rooster-crowing.flac" in printed[2]
    assert (tmp_path / "animals.csv").read_text().startswith("path,start_s,end_s,label,confidence,recorded_at\n")
    assert str(tmp_path / "recordings" / "dog-barking.flac") in (tmp_path / "animals.m3u8").read_text()
    assert len(list((tmp_path / "subtitles").rglob("*.srt"))) == 2
    assert (tmp_path / "labels.txt").read_text().endswith("\n")
    assert printed[7] == printed[1]  # --verify
    [query] = [text for kind, text in BLOCKS if kind == "sql"]
    monkeypatch.chdir(tmp_path)
    alike = duckdb.sql(query).fetchall()
    assert alike[0][0] == "recordings/dog-barking.flac"
    assert alike[0][4] == pytest.approx(1.0)
    [*_, (path, *_, similarity)] = alike
    assert path == "recordings/rooster-crowing.flac"
    assert similarity < 0.9
    browse = subprocess.Popen(
        [*commands[-1].split(), "--port", "0"], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    with browse:
        assert browse.stdout is not None
        address = browse.stdout.readline().strip()
        assert httpx.get(f"{address}archive/about.json", trust_env=False).json()["recordings"] == 2
        browse.terminate()
