"""The client loads neither torch nor the server's libraries."""

import json
import subprocess
import sys

import pytest

import timeaudio

HEAVY = {
    "torch", "transformers", "numpy", "fastapi", "uvicorn", "grpc", "av", "soxr", "mcp", "model", "server", "training",
}  # fmt: skip


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "start",
    [
        "import timeaudio",
        "import timeaudio.cli",
        "import timeaudio.cli.run_analysis, timeaudio.demo, timeaudio.outputs",
    ],
)
def test_importing_the_client_loads_nothing_heavy(start):
    loaded = json.loads(fresh(f"{start}; import json, sys; print(json.dumps(list(sys.modules)))"))
    assert "timeaudio.client" in loaded
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


def test_the_help_of_the_command_line_loads_nothing_heavy():
    code = (
        "import json, sys; from timeaudio.cli import main; main(['caption', '--help']);"
        "print(); print(json.dumps(list(sys.modules)))"
    )
    loaded = json.loads(fresh(code).splitlines()[-1])
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


def test_all_is_sorted_complete_and_documented():
    assert timeaudio.__all__ == sorted(timeaudio.__all__)
    public = {
        name
        for name, value in vars(timeaudio).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("timeaudio.")
    }
    assert set(timeaudio.__all__) == public
    assert all(getattr(timeaudio, name).__doc__ for name in timeaudio.__all__)


def test_the_package_is_marked_as_typed():
    from importlib.resources import files

    assert (files("timeaudio") / "py.typed").is_file()
