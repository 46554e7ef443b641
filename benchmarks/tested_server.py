"""Run a server for a benchmark, and read its address, processes, memory and metrics."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

START_TIMEOUT_S = 300.0


class TestedServer:
    """A running `python -m server`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=30.0, trust_env=False)

    def is_ready(self) -> bool:
        """Return whether the server accepts requests."""
        with contextlib.suppress(httpx.TransportError):
            return self._client.get("/readyz").is_success
        return False

    def metric(self, name: str) -> float:
        """Return the sum of all samples of one metric."""
        lines = self._client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split()[0] == f"timeaudio_{name}")

    def processes(self) -> dict[int, tuple[str, int]]:
        """Return role and resident bytes of the server and its descendants, by process id."""
        found, todo = {}, [self.process.pid]
        while todo:
            pid = todo.pop()
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                found[pid] = (_role(line), pages * os.sysconf("SC_PAGE_SIZE"))
                for children in Path(f"/proc/{pid}/task").glob("*/children"):
                    todo += map(int, children.read_text().split())
        return found

    def cpu_s(self) -> float:
        """Return the CPU seconds that the front end has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return [pid for pid, (role, _) in self.processes().items() if role == "worker"]

    def rss_mib(self) -> dict[str, int]:
        """Return resident MiB by role and in total. Shared pages count once per process."""
        total: dict[str, int] = {"all": 0}
        for role, size in self.processes().values():
            total[role] = total.get(role, 0) + size
            total["all"] += size
        return {role: size // 2**20 for role, size in total.items()}


def _role(line: bytes) -> str:
    for mark, role in ((b"server.worker", "worker"), (b"spawn_main", "decoder"), (b"resource_tracker", "tracker")):
        if mark in line:
            return role
    return "front end"


@contextlib.contextmanager
def tested_server(model: Path | None, *arguments: str, **settings: str) -> Iterator[TestedServer]:
    """Run a ready server while the context lasts. `settings` are environment variables without their prefix."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "server", "--port", str(port), *arguments]
    command += ["--model", str(model)] if model is not None else []
    environment = os.environ | {f"TIMEAUDIO_{name}": value for name, value in settings.items()}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        server = TestedServer(process, f"http://127.0.0.1:{port}")
        try:
            wait(lambda: process.poll() is not None or server.is_ready(), START_TIMEOUT_S)
            if process.poll() is not None:
                log.seek(0)
                sys.exit(log.read().decode(errors="replace"))
            yield server
        finally:
            process.terminate()
            process.wait(60)


def wait(condition: Callable[[], bool], timeout_s: float, *, pause_s: float = 0.02) -> float:
    """Wait for the condition and return the seconds waited."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_s:
            raise TimeoutError(f"The condition was not met within {timeout_s:g} s.")
        time.sleep(pause_s)
    return time.monotonic() - began
