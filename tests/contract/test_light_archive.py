"""`timeaudio find` and `timeaudio browse` load no model and no API server."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.unit.archive.conftest import row, write_archive  # noqa: F401  a fixture

HEAVY = {"torch", "transformers", "fastapi", "grpc", "av", "soxr", "model", "training"}


def loaded(code: str) -> set[str]:
    """Return the top-level packages that are loaded after some code ran in a fresh interpreter."""
    code += "\nimport json, sys; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_find_is_light(write_archive: Callable[..., Path]) -> None:  # noqa: F811
    archive = write_archive([row("a.wav", None, 3.0, (0.0, 1.0, "A dog barks.", 0.9))])
    names = loaded(f"from timeaudio.cli import main; assert main(['find', 'dog', {str(archive)!r}]) == 0")
    assert "duckdb" in names
    assert names.isdisjoint(HEAVY | {"server", "starlette", "pyarrow"})


def test_browse_is_light() -> None:
    names = loaded("import timeaudio.browse.app, uvicorn")
    assert "starlette" in names
    assert names.isdisjoint(HEAVY)
