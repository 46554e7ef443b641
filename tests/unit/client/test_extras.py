"""Commands without the libraries that they need: help still works, and the error says what to install."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from timeaudio.extras import how_to_install

ROOT = Path(__file__).parents[3]
SERVER_ONLY = ("scipy", "accelerate", "tensorboard", "rouge_score")
"""Missing after `make demo`."""
BASE_ONLY = (*SERVER_ONLY, "torch", "numpy", "transformers", "peft", "av", "soxr", "fastapi", "grpc", "jaxtyping")
"""Missing after `pip install .`."""

BLOCKED = """
import sys
sys.modules.update(dict.fromkeys({missing!r}))  # an import of these fails as if they were not installed
from timeaudio.cli import app, main
"""
HELP = """
import contextlib, io, json, typer
found = {}
for words in [[name] for name in typer.main.get_command(app).commands] + [["data", "tasks"], ["data", "benchmark"]]:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        try:
            status = main([*words, "--help"])
        except SystemExit as left:
            status = left.code
    found[" ".join(words)] = [status, shown.getvalue()]
print(json.dumps(found))
"""


def without(missing, code, *words):
    """Run code in a Python in which some libraries cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(missing=missing) + code, *words],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip


@pytest.mark.parametrize("missing", [SERVER_ONLY, BASE_ONLY], ids=["server only", "base only"])
def test_the_help_of_every_command_needs_no_extra(missing):
    ended = without(missing, HELP)
    assert ended.returncode == 0, ended.stderr
    shown = json.loads(ended.stdout)
    assert {"serve", "caption", "train", "evaluate", "calibrate", "compare", "ablate", "data", "pack"} <= shown.keys()
    assert {name: text for name, (status, text) in shown.items() if status or "usage: " not in text.lower()} == {}
    assert "--validation" in shown["train"][1]


@pytest.mark.parametrize(
    ("missing", "words", "extra"),
    [
        (BASE_ONLY, ["caption", "clip.wav"], "server"),
        (["uvicorn"], ["serve"], "server"),
        (BASE_ONLY, ["demo"], "server"),
        (BASE_ONLY, ["evaluate", "--data", "m.jsonl"], "eval"),
        (BASE_ONLY, ["calibrate", "--data", "folder", "--model", "folder"], "eval"),
        (SERVER_ONLY, ["train", "--data", "m.jsonl"], "training"),
        (BASE_ONLY, ["ablate", "decoding", "--data", "m.jsonl", "--test", "m.jsonl"], "training"),
        (BASE_ONLY, ["data", "scenes", "--recordings", "folder", "--out", "folder"], "training"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_missing_library_is_one_line_with_what_to_run(missing, words, extra, tmp_path):
    (tmp_path / "clip.wav").write_bytes(b"sound")
    words = [str(tmp_path / word) if word.endswith(".wav") else word for word in words]
    ended = without(missing, "sys.exit(main(sys.argv[1:]))", *words)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.endswith(f"Run: {how_to_install(extra)}")


def test_outside_a_clone_the_advice_names_one(monkeypatch, tmp_path):
    monkeypatch.setattr("timeaudio.extras._ROOT", tmp_path)
    assert how_to_install("batch") == "pip install -e '.[batch]' in a clone of TimeAudio"


def test_the_advice_installs_from_the_clone_with_this_python():
    advice = how_to_install("training")
    assert advice.startswith(sys.executable)
    requirement = advice.split()[-1].strip("'")
    folder, _, extra = requirement.rstrip("]").rpartition("[")
    assert (Path(folder) / "pyproject.toml").is_file()
    assert extra in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_no_text_advises_an_index_that_does_not_have_the_package():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    sources = [path for name in ("model", "server", "timeaudio", "training") for path in (ROOT / name).rglob("*.py")]
    assert [p for p in [*pages, *sources] if re.search(r"install '?timeaudio\b", p.read_text(encoding="utf-8"))] == []
