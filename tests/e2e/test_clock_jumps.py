"""The date of a real server jumps back and forth by days; no wait, measurement or timeout depends on the date."""

import contextlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import grpc
import httpx

from tests.e2e.conftest import TESTS, free_port
from timeaudio.v1.timeaudio_pb2 import GroundRequest
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

ROOT = Path(__file__).parents[2]
JUMPS_H = (72.0, -48.0, 9600.0, -1.0, 0.0)


def ahead_s(client: httpx.Client) -> float:
    """How far the server's date is ahead of the kernel's."""
    return parsedate_to_datetime(client.get("/livez").headers["date"]).timestamp() - time.time()


def test_requests_succeed_while_the_date_jumps(
    run_scripted: Callable[..., contextlib.AbstractContextManager[Any]], tone_wav: Callable[..., bytes], tmp_path: Path
) -> None:
    date = tmp_path / "date"
    date.write_text("0")
    # A worker without an answer to two heartbeats counts as not ready; each date lasts longer than that.
    faked = {
        "TIMEAUDIO_WORKER__HEARTBEAT_S": "0.25",
        "JUMPING_DATE": str(date),
        "PYTHONPATH": os.pathsep.join((str(TESTS / "jumping_date"), str(TESTS))),
    }
    outcomes, odd, stop = Counter[str](), [], threading.Event()
    sound = tone_wav(1.0)

    def load(url: str) -> None:
        with httpx.Client(base_url=url, timeout=60.0, trust_env=False) as client:
            while not stop.is_set():
                sent = {"data": {"query": "sleep 0.1", "timeout_s": "20"}, "files": {"file": sound}}
                answer = client.post("/v1/ground", **sent)
                outcomes[" ".join((str(answer.status_code), answer.json().get("type", ""))).strip()] += 1
                timing = answer.json().get("timing", {})
                odd.extend(name for name, seconds in timing.items() if not 0 <= seconds < 60)

    def call(address: str) -> None:
        with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
            ask = TimeAudioServiceStub(channel).Ground
            while not stop.is_set():
                try:
                    # No deadline: gRPC's Python code reads the date that the test changes, its C code does not.
                    ask(GroundRequest(file=sound, queries=["sleep 0.1"]))
                    outcomes["OK"] += 1
                except grpc.RpcError as error:
                    outcomes[error.code().name] += 1

    with run_scripted("--grpc-port", str(free_port()), **faked) as server, server.client() as client:
        threads = [
            threading.Thread(target=load, args=(server.url,)),
            threading.Thread(target=call, args=(server.grpc,)),
        ]
        for thread in threads:
            thread.start()
        for hours in JUMPS_H:
            date.write_text(str(hours))
            give_up = time.monotonic() + 30
            while round(ahead_s(client) / 3600) != hours:  # uvicorn reads the date once a second
                assert time.monotonic() < give_up, "the date did not jump"
                time.sleep(0.1)
            time.sleep(1.0)
        stop.set()
        for thread in threads:
            thread.join()
        assert outcomes.keys() == {"200", "OK"}
        assert min(outcomes.values()) >= 3
        assert odd == []
        assert server.metric("timeaudio_worker_restarts_total") == 0
        date.write_text("-720")
        begun = time.monotonic()
        server.process.terminate()
        assert server.wait_end() == 0
        assert time.monotonic() - begun < 20


def test_no_wait_or_deadline_uses_the_date() -> None:
    """Code that waits or measures uses monotonic time; only timestamps use the date."""
    allowed = {
        "server/rest/chat_answer.py",  # OpenAI's `created`
        "server/rest/models.py",
        "server/telemetry/logs.py",  # timestamp of a log line
        "server/telemetry/tracing.py",  # start of a span; its duration is monotonic
    }
    uses = {
        path.relative_to(ROOT).as_posix()
        for folder in ("server", "model/engine")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\btime\.time(_ns)?\(|datetime\.now|utcnow|fromtimestamp", path.read_text())
    }
    assert uses <= allowed
