"""Decoding processes that use too much memory, hang or die: one request fails, and the server keeps working."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

Runner = Callable[..., contextlib.AbstractContextManager[Any]]


def decoders(server: Any) -> list[int]:
    """Return the process ids of the decoders."""
    found = []
    for pid in server.tree():
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def test_a_file_that_needs_too_much_memory(run_scripted: Runner, tone_wav: Callable[..., bytes]) -> None:
    # The file alone has 54 MB, so memory that is already free inside the process makes no difference.
    with run_scripted(TIMEAUDIO_DECODE__MEMORY_BYTES="20000000") as server, server.client() as client:
        response = client.post("/v1/dense-caption", files={"file": tone_wav(140.0, rate=192_000)})
        assert response.status_code == 422
        assert response.json()["type"] == "urn:timeaudio:problem:decode-too-costly"
        assert client.post("/v1/dense-caption", files={"file": tone_wav(1.0)}).is_success


def test_a_file_that_takes_too_long(run_scripted: Runner, tone_wav: Callable[..., bytes]) -> None:
    with run_scripted(TIMEAUDIO_DECODE__TIMEOUT_S="2", TIMEAUDIO_DECODE__WORKERS="1") as server:
        (decoder,) = decoders(server)
        with server.client() as client, ThreadPoolExecutor() as threads:
            sound = tone_wav(149.0, rate=96_000)  # takes a large part of a second to decode
            answer = threads.submit(client.post, "/v1/dense-caption", files={"file": sound})
            until_read(decoder)
            os.kill(decoder, signal.SIGSTOP)
            response = answer.result()
        assert response.status_code == 422, response.text
        assert "TIMEAUDIO_DECODE__TIMEOUT_S" in response.json()["detail"]
        with server.client() as client:
            assert client.post("/v1/dense-caption", files={"file": tone_wav(1.0)}).is_success
        assert decoders(server) != [decoder]


def until_read(pid: int) -> None:
    """Wait until the process has read the file into memory, so it is decoding."""
    give_up = time.monotonic() + 20
    start = resident(pid)
    while resident(pid) < start + 10_000_000:
        assert time.monotonic() < give_up
        time.sleep(0.002)


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("which", [slice(0, 1), slice(None)])
def test_killed_decoders_are_replaced(run_scripted: Runner, tone_wav: Callable[..., bytes], which: slice) -> None:
    with run_scripted() as server, server.client() as client:
        before = decoders(server)
        assert len(before) == 2
        for pid in before[which]:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        statuses = [client.post("/v1/dense-caption", files={"file": tone_wav(1.0)}).status_code for _ in range(4)]
        assert set(statuses) <= {200, 503}
        assert statuses[-1] == 200
