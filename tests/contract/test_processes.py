"""Each process loads only what it needs: the model's libraries live in the worker alone."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "peft")


def loaded(module: str) -> set[str]:
    """The top-level packages that importing `module` in a fresh interpreter brings along."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_front_end_is_light() -> None:
    names = loaded("server.listener")
    assert "fastapi" in names  # it did load
    assert names.isdisjoint({*HEAVY, "numpy", "av", "soxr"})


def test_a_decoding_process_is_light() -> None:
    names = loaded("server.decoding.child, model.audio.decode")
    assert {"numpy", "av", "soxr"} <= names
    assert names.isdisjoint({*HEAVY, "fastapi", "uvicorn", "grpc", "pydantic"})


@pytest.mark.parametrize("module", ["server.__main__", "timeaudio.__main__"])
def test_what_spawn_loads_again_is_light(module: str) -> None:
    # A spawned process imports the module that was started first, whatever it is.
    assert loaded(module).isdisjoint({*HEAVY, "fastapi", "uvicorn", "grpc"})
