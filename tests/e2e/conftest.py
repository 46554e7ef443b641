"""Fixtures: real servers on free ports, and real audio files."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from tests.sound_files import encode, silent_opus

TESTS = Path(__file__).parents[1]

KINDS = {
    "wav": ("wav", "pcm_s16le", 44_100),
    "flac": ("flac", "flac", 44_100),
    "ogg": ("ogg", "libopus", 48_000),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "m4a": ("ipod", "aac", 44_100),
    "webm": ("webm", "libopus", 48_000),
}
"""Extension -> container, encoder, samples per second."""


@dataclass
class Server:
    """A running `python -m server`."""

    process: subprocess.Popen[str]
    url: str
    log: IO[str]
    grpc: str = ""
    """Host and port of its gRPC service, if it has one."""

    def client(self, *, timeout: float = 30.0) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=timeout, trust_env=False)

    def wait_ready(self, timeout: float = 100.0) -> None:
        give_up = time.monotonic() + timeout
        with self.client() as client:
            while time.monotonic() < give_up:
                assert self.process.poll() is None, self.text()
                with contextlib.suppress(httpx.TransportError):
                    if client.get("/readyz").is_success:
                        return
                time.sleep(0.05)
        raise AssertionError(f"not ready after {timeout} s: {self.text()}")

    def wait_end(self, timeout: float = 30.0) -> int:
        return self.process.wait(timeout)

    def text(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def tree(self) -> dict[int, int]:
        """Resident bytes of the server and of all processes below it, by process id."""
        return {pid: resident(pid) for pid in [self.process.pid, *descendants(self.process.pid)]}

    def metric(self, name: str) -> float:
        """The sum of all samples of one metric."""
        with self.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split()[0] == name)


def descendants(parent: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, todo = [], [parent]
    while todo:
        todo += (born := children.get(todo.pop(), []))
        found += born
    return found


def resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


@contextlib.contextmanager
def running(
    *arguments: str, ready: bool = True, port: int | None = None, module: str = "server", **environment: str
) -> Iterator[Server]:
    """Run `python -m module` inside the context, with `environment` added to the usual variables."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TIMEAUDIO_")}
    env |= {"PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "2"} | environment
    port = free_port() if port is None else port
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", module, "--port", str(port), *arguments]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, text=True, cwd=TESTS.parent)
        grpc = f"127.0.0.1:{arguments[arguments.index('--grpc-port') + 1]}" if "--grpc-port" in arguments else ""
        server = Server(process, f"http://127.0.0.1:{port}", log, grpc)
        try:
            if ready:
                server.wait_ready()
            yield server
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def run_server() -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """`run_server("--model", DIR, ready=True, NAME="value")`: a server, as a context manager."""
    return running


@pytest.fixture(scope="session")
def run_scripted() -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """Like `run_server`, but tests/scripted_pipeline.py replaces the model: it starts fast and can fail on request.

    Its answers fit passes of 30 s.
    """

    def run(*arguments: str, **settings: str) -> contextlib.AbstractContextManager[Server]:
        scripted = {"TIMEAUDIO_WORKER__PIPELINE": "scripted_pipeline", "TIMEAUDIO_PASSES__SECONDS": "30"}
        return running(*arguments, **(scripted | settings))

    return run


@pytest.fixture(scope="module")
def scripted(run_scripted: Callable[..., contextlib.AbstractContextManager[Server]]) -> Iterator[Server]:
    """One scripted server for all tests of a module."""
    with run_scripted("--grpc-port", str(free_port())) as server:
        yield server


@pytest.fixture(scope="session")
def four_tasks() -> Iterator[Server]:
    """One server for all tests that supports all four tasks: tests/scripted_engine.py, without a model."""
    with running("--grpc-port", str(free_port()), module="tests.scripted_engine") as server:
        yield server


@pytest.fixture(scope="session")
def encoded(tone: Callable[..., npt.NDArray[np.float32]]) -> Callable[..., bytes]:
    """`encoded("m4a", seconds)`: a real file of that kind."""

    def make(kind: str, seconds: float) -> bytes:
        container, codec, rate = KINDS[kind]
        return encode(tone(seconds, rate=rate)[None], rate, container, codec)

    return make


@pytest.fixture(scope="session")
def hours_of_silence() -> bytes:
    """Three hours of silence as Opus, in less than a megabyte."""
    return silent_opus(3 * 3600)
