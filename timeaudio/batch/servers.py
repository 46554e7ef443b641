"""The server of a batch: a remote one, or a child process that is restarted when it dies."""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from timeaudio.async_client import AsyncClient
from timeaudio.console import complain
from timeaudio.errors import LocalModelError, ServerUnreachable

HOST = "127.0.0.1"
START_TIMEOUT_S = 600.0
OWN_LIMITS = {
    "TIMEAUDIO_LIMITS__TIMEOUT_S": "3600",  # beside the length of the sound: requests wait for each other
    "TIMEAUDIO_LIMITS__UPLOAD_BYTES": "1500000000",  # two hours of stereo at 48 kHz and 16 bits are 1.4 GB
}
"""Limits of a batch's own server, unless the environment sets others: the defaults are for requests of strangers."""
MOST_DEATHS = 10
"""The number of deaths in a row, without an answer in between, after which a batch gives up."""


class BatchServer(Protocol):
    """The server of a batch, and how to get it back when it does not respond."""

    url: str

    async def revive(self) -> None:
        """Return when the server responds again. Raises ClientError if it will not."""
        ...

    def answered(self) -> None:
        """Note that the server answered."""
        ...

    async def close(self) -> None:
        """Stop the server, if this object started it."""
        ...


class RemoteServer:
    """A server that others run."""

    def __init__(self, url: str, *, patience_s: float = 600.0) -> None:
        self.url = url
        self._patience_s = patience_s

    async def revive(self) -> None:
        """Wait for the server. Raises: ServerUnreachable, after `patience_s`."""
        try:
            await _until_ready(self.url, 2.0, alive=lambda: True)
        except ServerUnreachable:
            complain(f"Waiting up to {self._patience_s:.0f} s for the server at {self.url} ...")
            await _until_ready(self.url, self._patience_s, alive=lambda: True)

    def answered(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


class OwnServer:
    """`timeaudio serve` as a child process, on a free port."""

    def __init__(self, model: Path | None, device: str, *, places: int) -> None:
        """`places`: the number of requests that will be sent at once."""
        self.url = ""
        self._arguments = ["--device", device, *(["--model", str(model)] if model else [])]
        self._environment = {"TIMEAUDIO_LIMITS__QUEUED_REQUESTS": str(places + 1)}
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._deaths = 0
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115

    async def revive(self) -> None:
        """Start or restart the server.

        Raises:
            LocalModelError: it does not start, or died too often; the message ends with its last log line.
        """
        async with self._lock:
            is_new = False
            while True:
                if self._process is None or self._process.returncode is not None:
                    if self._process is not None:
                        self._deaths += 1
                    if self._deaths > MOST_DEATHS:
                        raise LocalModelError(
                            f"The server died {self._deaths} times. Its last log line: {self._last_words()}"
                        )
                    await self._start()
                    is_new = True
                process = self._process
                assert process is not None, "started above"
                try:
                    await _until_ready(self.url, START_TIMEOUT_S, alive=_is_alive(process))
                    return
                except ServerUnreachable:
                    # A server that ran before may have died just after the check above.
                    if is_new or process.returncode is None:
                        last_line = self._last_words()
                        raise LocalModelError(f"The server did not start. Its last log line: {last_line}") from None

    def answered(self) -> None:
        """Reset the count of deaths."""
        self._deaths = 0

    async def close(self) -> None:
        """Stop the server."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 20)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._log.close()

    async def _start(self) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        self.url = f"http://{HOST}:{port}"
        # Not `timeaudio serve`: this child asks the kernel to end it with its parent, even after kill -9.
        program = (
            "import sys; from server.runtime.parent_death import die_with_parent;"
            "die_with_parent(int(sys.argv.pop(1)));"
            "from server.__main__ import main; main()"
        )
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, str(os.getpid()), "--host", HOST, "--port", str(port), *self._arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**OWN_LIMITS, **os.environ, **self._environment},
        )

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        return lines[-1] if lines else "none."


def _is_alive(process: asyncio.subprocess.Process) -> Callable[[], bool]:
    return lambda: process.returncode is None


async def _until_ready(url: str, patience_s: float, *, alive: Callable[[], bool]) -> None:
    """Return when the server at `url` is ready.

    Raises:
        ServerUnreachable: it is not ready in time, or is no longer alive.
    """
    give_up = asyncio.get_running_loop().time() + patience_s
    async with AsyncClient(url, timeout=5.0) as client:
        while not await client.is_ready():
            if not alive() or asyncio.get_running_loop().time() > give_up:
                raise ServerUnreachable(f"No server is ready at {url}. Start one with `timeaudio serve`.")
            await asyncio.sleep(0.2)
