"""docs/training.md: its manifest is valid, and its commands exist."""

import re
import shutil
from pathlib import Path

import pytest

from training.ablations import SETS
from training.data.validate import read_manifest
from training.sources.command import main as data
from training.stages import FOLDER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_manifest_on_the_page_is_valid(tmp_path):
    (lines,) = re.findall(r"```jsonl\n(.*?)```", PAGE, re.DOTALL)
    for name in ("dog-barking", "rooster-crowing"):
        shutil.copy(ROOT / "server" / "recordings" / f"{name}.flac", tmp_path)
    (tmp_path / "my.jsonl").write_text(lines)
    assert len(read_manifest(tmp_path / "my.jsonl")) == 5


def test_every_source_on_the_page_is_a_command_with_its_options(capsys):
    rows = re.findall(r"^\| `(?:timeaudio data|\.\.\.) ([\w-]+)((?: --[\w-]+)*)`", PAGE, re.MULTILINE)
    assert len(rows) >= 8
    for name, options in rows:
        with pytest.raises(SystemExit) as left:
            data([name, "--help"])
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert all(option in shown for option in options.split())


def test_stages_and_ablations_on_the_page_exist():
    shipped = {path.stem for path in FOLDER.glob("*.toml")}
    assert set(re.findall(r"--stage ([\w-]+)", PAGE)) <= shipped
    assert set(re.findall(r"timeaudio ablate ([\w-]+)", PAGE)) == set(SETS)
