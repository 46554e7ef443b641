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


def loaded_by(code: str) -> set[str]:
    return set(json.loads(fresh(f"{code}; import json, sys; print(json.dumps(list(sys.modules)))")))


@pytest.mark.parametrize(
    "start", ["from timeaudio import *", "import timeaudio.cli.run_analysis, timeaudio.demo, timeaudio.outputs"]
)
def test_importing_the_client_loads_nothing_heavy(start):
    loaded = loaded_by(start)
    assert "timeaudio.results" in loaded
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


def test_the_command_line_starts_without_the_client():
    loaded = loaded_by("import timeaudio.cli")
    assert "typer" in loaded
    assert not {*HEAVY, "httpx", "pydantic"} & loaded


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        _ = timeaudio.Cleint


def test_the_help_of_the_command_line_loads_nothing_heavy():
    code = (
        "import json, sys; from timeaudio.cli import main; main(['caption', '--help']);"
        "print(); print(json.dumps(list(sys.modules)))"
    )
    loaded = json.loads(fresh(code).splitlines()[-1])
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


def test_all_is_sorted_complete_and_documented():
    assert timeaudio.__all__ == sorted(timeaudio.__all__)
    assert set(timeaudio.__all__) <= set(dir(timeaudio))
    assert all(getattr(timeaudio, name).__doc__ for name in timeaudio.__all__)


def test_the_package_is_marked_as_typed():
    from importlib.resources import files

    assert (files("timeaudio") / "py.typed").is_file()
