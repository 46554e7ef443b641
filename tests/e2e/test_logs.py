"""The log of a real server with TIMEAUDIO_LOG_FORMAT=json: JSON objects without recordings, queries or keys."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from server.auth.keys import digest
from tests.e2e.conftest import descendants, free_port
from timeaudio.v1.timeaudio_pb2 import GroundRequest
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

KEY = "ta-of-the-archive"
SECRET = "a neighbour who sings"


@pytest.fixture(scope="module")
def lines(
    run_scripted: Callable[..., contextlib.AbstractContextManager[Any]],
    tone_wav: Callable[..., bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[dict[str, Any]]:
    """The log of a server that had requests over both transports, an internal error and a killed worker."""
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.write_text(f"[archive]\nsha256 = ['{digest(KEY)}']\n")
    settings = {"TIMEAUDIO_LOG_FORMAT": "json", "TIMEAUDIO_ACCESS__KEYS_FILE": str(keys)}
    with run_scripted("--grpc-port", str(free_port()), **settings) as server:
        headers = {"Authorization": f"Bearer {KEY}"}
        with server.client() as http:
            for name, query in (("valid", SECRET), ("broken", "raise")):
                form = {"data": {"query": [query, SECRET]}, "files": {"file": (f"{SECRET}.wav", tone_wav(1.0))}}
                http.post("/v1/ground", headers=headers | {"X-Request-ID": name}, **form)
        with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
            # Client closes the connection once it has the answer, which may be logged as CANCELLED. So use a stub.
            ask, metadata = TimeAudioServiceStub(channel).Ground, (("authorization", f"Bearer {KEY}"),)
            assert ask(GroundRequest(file=tone_wav(1.0), queries=[SECRET]), metadata=metadata).results
            with pytest.raises(grpc.RpcError):
                ask(GroundRequest(file=tone_wav(1.0), queries=["raise"]), metadata=metadata)
            with pytest.raises(grpc.RpcError):
                ask(GroundRequest(), metadata=(("authorization", "Bearer wrong"), ("x-request-id", "refused")))
        [worker] = [pid for pid in descendants(server.process.pid) if "server.worker" in command(pid)]
        os.kill(worker, signal.SIGKILL)
        while "starting it again" not in server.text():
            time.sleep(0.05)
        server.process.send_signal(signal.SIGTERM)
        server.wait_end()
        text = server.text()
    assert SECRET not in text
    assert KEY not in text
    assert [line for line in text.splitlines() if not line.startswith("{")] == []
    return [json.loads(line) for line in text.splitlines()]


def command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def test_each_line_has_time_level_logger_and_message(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
        assert line["level"] in {"INFO", "WARNING", "ERROR"}
        assert line["logger"]
        assert line["message"]
    assert len({line["process"] for line in lines}) >= 2  # the server and a worker


def test_a_request_has_a_line_with_its_id(lines: list[dict[str, Any]]) -> None:
    [line] = [line for line in lines if line.get("request_id") == "valid"]
    assert {name: line[name] for name in ("method", "route", "status", "caller")} == {
        "method": "POST",
        "route": "/v1/ground",
        "status": 200,
        "caller": "archive",
    }
    assert len(line["trace_id"]) == 32
    assert 0 <= line["took_s"] < 30


def test_a_grpc_call_has_a_line(lines: list[dict[str, Any]]) -> None:
    found = [line for line in lines if line.get("method") == "Ground"]
    assert [(line["status"], line.get("caller")) for line in found] == [
        ("OK", "archive"),
        ("INTERNAL", "archive"),
        ("UNAUTHENTICATED", None),
    ]
    assert (found[-1]["request_id"], len(found[-1]["trace_id"])) == ("refused", 32)


def test_an_internal_error_has_its_traceback_in_one_line(lines: list[dict[str, Any]]) -> None:
    found = [line for line in lines if line.get("request_id") == "broken"]
    assert {line["level"] for line in found} == {"INFO", "ERROR"}
    assert [line["status"] for line in found if line["level"] == "INFO"] == [500]
    assert any("Traceback" in line.get("exception", "") for line in lines)


def test_the_death_of_a_worker_is_logged(lines: list[dict[str, Any]]) -> None:
    assert any("ended with status -9" in line["message"] for line in lines)
