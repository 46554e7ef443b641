"""The page's route that converts an answer: its bodies are held in memory, so they take places too. No browser."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

BODY = {"task": "ask", "answer": {"intervals": []}, "name": "x"}
HEAD = "POST /page/written/srt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"


@pytest.fixture(scope="module")
def small(run_server: Callable[..., Any]) -> Iterator[Any]:
    """A server with two places, where a body must arrive within two seconds."""
    limits = {"TIMEAUDIO_LIMITS__QUEUED_REQUESTS": "2", "TIMEAUDIO_LIMITS__UPLOAD_TIMEOUT_S": "2"}
    with run_server(module="tests.scripted_engine", **limits) as server:
        yield server


def test_bodies_take_places_for_a_limited_time(small: Any, tone_wav: Callable[..., bytes]) -> None:
    host, port = small.url.removeprefix("http://").split(":")
    with ExitStack() as stack, small.client() as client:
        callers = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(2)]
        for caller in callers:
            caller.sendall(HEAD.encode())  # the rest never comes
        while client.post("/page/written/srt", json=BODY).status_code != 429:
            time.sleep(0.05)
        refused = client.post("/v1/dense-caption", files={"file": tone_wav(1.0)})
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:timeaudio:problem:overloaded")
        assert "Retry-After" in refused.headers
        for caller in callers:
            caller.settimeout(20)
            assert b" 408 " in caller.recv(4096).split(b"\r\n")[0]
        assert client.post("/page/written/srt", json=BODY).status_code == 422  # an answer without its fields
        answer = client.post("/v1/ask", data={"question": "x"}, files={"file": tone_wav(1.0)}).json()
        written = client.post("/page/written/srt", json={"task": "ask", "answer": answer})
    assert written.is_success
    assert written.headers["content-type"] == "application/x-subrip"
    assert "00:00:00,000 --> 00:00:00,100" in written.text
