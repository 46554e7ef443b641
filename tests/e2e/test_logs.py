"""What a real server writes with TIMEAUDIO_LOG_FORMAT=json: objects, and nothing of what is heard or asked."""

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

from server.access.keys import digest
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
    """The log of a server that was asked over both transports, and that had a defect and a death."""
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.write_text(f"[archive]\nsha256 = ['{digest(KEY)}']\n")
    settings = {"TIMEAUDIO_LOG_FORMAT": "json", "TIMEAUDIO_ACCESS__KEYS_FILE": str(keys)}
    with run_scripted("--grpc-port", str(free_port()), **settings) as server:
        headers = {"Authorization": f"Bearer {KEY}"}
        with server.client() as http:
            for name, query in (("asked", SECRET), ("broken", "raise")):
                form = {"data": {"query": [query, SECRET]}, "files": {"file": (f"{SECRET}.wav", tone_wav(1.0))}}
                http.post("/v1/ground", headers=headers | {"X-Request-ID": name}, **form)
        with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
            # Not through Client, which hangs up once it has the answer: that may be told as CANCELLED.
            ask, metadata = TimeAudioServiceStub(channel).Ground, (("authorization", f"Bearer {KEY}"),)
            assert ask(GroundRequest(file=tone_wav(1.0), queries=[SECRET]), metadata=metadata).results
            with pytest.raises(grpc.RpcError):
                ask(GroundRequest(file=tone_wav(1.0), queries=["raise"]), metadata=metadata)
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


def test_each_line_says_when_who_and_how_bad(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
        assert line["level"] in {"INFO", "WARNING", "ERROR"}
        assert line["logger"]
        assert line["message"]
    assert len({line["process"] for line in lines}) >= 2  # a worker's too


def test_a_request_has_a_line_with_its_id(lines: list[dict[str, Any]]) -> None:
    [line] = [line for line in lines if line.get("request_id") == "asked"]
    assert {name: line[name] for name in ("method", "route", "status", "caller")} == {
        "method": "POST",
        "route": "/v1/ground",
        "status": 200,
        "caller": "archive",
    }
    assert len(line["trace_id"]) == 32
    assert 0 <= line["took_s"] < 30


def test_a_call_over_grpc_has_one(lines: list[dict[str, Any]]) -> None:
    codes = [line["status"] for line in lines if line.get("method") == "Ground"]
    assert codes == ["OK", "INTERNAL"]


def test_a_defect_has_its_traceback_in_one_line_with_the_id(lines: list[dict[str, Any]]) -> None:
    told = [line for line in lines if line.get("request_id") == "broken"]
    assert {line["level"] for line in told} == {"INFO", "ERROR"}
    assert [line["status"] for line in told if line["level"] == "INFO"] == [500]
    assert any("Traceback" in line.get("exception", "") for line in lines)


def test_a_death_is_told(lines: list[dict[str, Any]]) -> None:
    assert any("ended with status -9" in line["message"] for line in lines)
