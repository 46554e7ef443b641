"""Run a server as a child process, on a free port of this machine, for the length of a `with` block."""

import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from timeaudio.client import Client
from timeaudio.errors import LocalModelError

HOST = "127.0.0.1"
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.1
REPORT_EVERY_S = 5.0


class ServerProcess:
    """`timeaudio serve` as a child process. `url` is its address, `shown` the equivalent shell command."""

    def __init__(self, model: Path | None = None) -> None:
        port = _free_port()
        self.url = f"http://{HOST}:{port}"
        arguments = ["serve", "--host", HOST, "--port", str(port)]
        if model is not None:
            arguments += ["--model", str(model)]
        self.shown = shlex.join(["timeaudio", *arguments])
        self._command = [sys.executable, "-m", "timeaudio", *arguments]

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def wait_ready(self, on_wait: Callable[[float], object]) -> None:
        """Wait until the server accepts requests. Meanwhile call `on_wait` now and then with the seconds waited.

        Raises:
            LocalModelError: the server exited, or was not ready in time; the message ends with its last log line.
        """
        started = time.monotonic()
        reported_s = 0.0
        with Client(self.url, timeout=POLL_S * 20) as client:
            while not client.is_ready():
                waited_s = time.monotonic() - started
                if self._process.poll() is not None:
                    raise LocalModelError(f"The server exited during startup: {self._last_words()}")
                if waited_s > START_TIMEOUT_S:
                    raise LocalModelError(f"The server was not ready after {waited_s:.0f} s: {self._last_words()}")
                if waited_s - reported_s >= REPORT_EVERY_S:
                    on_wait(waited_s)
                    reported_s = waited_s
                time.sleep(POLL_S)

    def _last_words(self) -> str:
        """Return the last line of the server's log."""
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        return lines[-1] if lines else "its log is empty."


def _free_port() -> int:
    """Return a port that is free right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
