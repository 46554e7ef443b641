"""The client loads neither torch nor the server's libraries, and loads fast."""

import json
import subprocess
import sys

import pytest

import timeaudio

HEAVY = {"torch", "transformers", "numpy", "fastapi", "uvicorn", "grpc", "av", "soxr", "model", "server", "training"}
OWN_SHARE = 0.6
"""Of the time that the libraries it stands on take to load, what the client may take besides. Measured: 0.47."""


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "start", ["import timeaudio", "import timeaudio.cli", "import timeaudio.listen, timeaudio.demo, timeaudio.outputs"]
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


def test_importing_the_client_takes_less_than_the_libraries_it_stands_on():
    # Processor time, best of five, as a ratio: neither the neighbours nor the machine decide.
    code = (
        "import time; a = time.process_time(); import httpx, pydantic; b = time.process_time(); import timeaudio;"
        "print((time.process_time() - b) / (b - a))"
    )
    assert min(float(fresh(code)) for _ in range(5)) < OWN_SHARE


def test_the_public_list_is_sorted_complete_and_documented():
    assert timeaudio.__all__ == sorted(timeaudio.__all__)
    public = {
        name
        for name, value in vars(timeaudio).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("timeaudio.")
    }
    assert set(timeaudio.__all__) == public
    assert all(getattr(timeaudio, name).__doc__ for name in timeaudio.__all__)


def test_it_says_to_type_checkers_that_it_is_typed():
    from importlib.resources import files

    assert (files("timeaudio") / "py.typed").is_file()
