"""Fixtures: `timeaudio browse` on a free port, with an archive of 1,000 recordings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.browse.archive_of_tones import write


@dataclass
class Browser:
    """A running `timeaudio browse`."""

    url: str
    folder: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30)


@contextmanager
def browsing(archive: Path, *words: str) -> Iterator[Browser]:
    """Run `timeaudio browse`; its first line is its address."""
    command = [sys.executable, "-m", "timeaudio", "browse", str(archive), "--port", "0", *words]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=archive.parent) as process:
        assert process.stdout is not None
        try:
            yield Browser(process.stdout.readline().strip().rstrip("/"), archive.parent)
        finally:
            process.terminate()


@pytest.fixture(scope="package")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The archive of tests/e2e/browse/archive_of_tones.py."""
    with browsing(write(tmp_path_factory.mktemp("garden"))) as browser:
        yield browser
