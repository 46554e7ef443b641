"""Each process loads only what it needs: only workers load the model's libraries."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "peft")


def loaded(module: str) -> set[str]:
    """Return the top-level packages that are loaded after `module` is imported in a fresh interpreter."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_front_end_is_light() -> None:
    names = loaded("server.runtime.http_server")
    assert "fastapi" in names  # the import did happen
    assert names.isdisjoint({*HEAVY, "numpy", "av", "soxr"})


def test_a_decoding_process_is_light() -> None:
    names = loaded("server.decoding.child, model.audio.decode")
    assert {"numpy", "av", "soxr"} <= names
    assert names.isdisjoint({*HEAVY, "fastapi", "uvicorn", "grpc", "pydantic"})


@pytest.mark.parametrize("module", ["server.__main__", "timeaudio.__main__"])
def test_the_main_modules_that_spawn_reloads_are_light(module: str) -> None:
    # A spawned process imports the main module of its parent.
    assert loaded(module).isdisjoint({*HEAVY, "fastapi", "uvicorn", "grpc"})
