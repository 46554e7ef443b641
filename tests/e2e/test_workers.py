"""A server with two workers that are killed, stopped, stuck, crashed by a request, or full: callers and restarts."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

Runner = Callable[..., contextlib.AbstractContextManager[Any]]

HEARTBEAT_S, SILENT_S, STUCK_S = 0.2, 1.0, 1.5
SETTINGS = {
    "TIMEAUDIO_WORKER__HEARTBEAT_S": str(HEARTBEAT_S),
    "TIMEAUDIO_WORKER__SILENT_S": str(SILENT_S),
    "TIMEAUDIO_WORKER__STUCK_S": str(STUCK_S),
    "TIMEAUDIO_WORKER__BACKOFF_S": "0.1",
    "TIMEAUDIO_PASSES__SECONDS": "20",
    "TIMEAUDIO_PASSES__OVERLAP_S": "2",
}


@pytest.fixture(scope="module")
def pair(run_scripted: Runner) -> Iterator[Any]:
    with run_scripted("--workers", "2", **SETTINGS) as server:
        yield server


@pytest.fixture(scope="module")
def second(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(1.0)


@pytest.fixture(autouse=True)
def both(pair: Any) -> list[int]:
    """Wait until both workers are ready, before each test. Return their process ids."""
    until(lambda: pair.metric("timeaudio_workers") == 2)
    return workers_of(pair)


def until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    give_up = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < give_up, "the condition was not met in time"
        time.sleep(0.02)


def workers_of(server: Any) -> list[int]:
    found = []
    for pid in server.tree():
        with contextlib.suppress(OSError):
            if b"server.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def ask(server: Any, query: str, sound: bytes, **fields: str) -> httpx.Response:
    with server.client() as client:
        return client.post("/v1/ground", data={"query": query, **fields}, files={"file": sound})


def submit_requests(
    server: Any, threads: ThreadPoolExecutor, query: str, sound: bytes, *, times: int
) -> list[Future[httpx.Response]]:
    answers = [threads.submit(ask, server, query, sound) for _ in range(times)]
    until(lambda: server.metric("timeaudio_num_requests_running") == times)
    return answers


def test_requests_of_a_killed_worker_are_retried(pair: Any, both: list[int], second: bytes) -> None:
    with ThreadPoolExecutor() as threads:
        answers = submit_requests(pair, threads, "sleep 1.2", second, times=4)
        os.kill(both[0], signal.SIGKILL)
        with pair.client() as client:  # the other worker answers
            assert client.get("/readyz").is_success
            assert ask(pair, "dog", second).is_success
        assert [answer.result().status_code for answer in answers] == [200] * 4
    until(lambda: len(set(workers_of(pair)) - set(both)) == 1)


def test_a_stopped_worker_is_replaced_in_time(pair: Any, both: list[int], second: bytes) -> None:
    began = time.monotonic()
    for pid in both:
        os.kill(pid, signal.SIGSTOP)
    with pair.client() as client:
        until(lambda: client.get("/readyz").status_code == 503, 5 * HEARTBEAT_S + 1)
    until(lambda: not set(workers_of(pair)) & set(both), SILENT_S + 3 * HEARTBEAT_S + 1)
    assert time.monotonic() - began >= SILENT_S - HEARTBEAT_S
    pair.wait_ready()
    assert ask(pair, "dog", second).is_success


def test_a_stuck_worker_is_replaced(pair: Any, both: list[int], second: bytes) -> None:
    before = pair.metric("timeaudio_worker_restarts_total")
    with ThreadPoolExecutor() as threads:
        stuck = threads.submit(ask, pair, "stick", second)
        until(lambda: pair.metric("timeaudio_worker_restarts_total") == before + 1, STUCK_S + 3 * HEARTBEAT_S + 3)
        assert stuck.result().status_code == 422  # it was the only request in both workers that died
    pair.wait_ready()
    assert ask(pair, "dog", second).is_success


def test_a_request_that_crashes_its_worker_twice_is_quarantined(pair: Any, both: list[int], second: bytes) -> None:
    first = ask(pair, "crash", second)
    assert first.status_code == 422
    assert first.json()["type"] == "urn:timeaudio:problem:quarantined"
    until(lambda: pair.metric("timeaudio_workers") == 2)
    restarts = pair.metric("timeaudio_worker_restarts_total")
    began = time.monotonic()
    assert ask(pair, "crash", second).status_code == 422
    assert time.monotonic() - began < 1.0
    assert ask(pair, "dog", second).is_success
    assert pair.metric("timeaudio_worker_restarts_total") == restarts


def test_a_long_recording_survives_its_worker_with_exact_times(
    pair: Any, both: list[int], tone_wav: Callable[..., bytes]
) -> None:
    sound = tone_wav(100.05)  # six passes of 18.4 s
    with ThreadPoolExecutor() as threads:
        answer = submit_requests(pair, threads, "sleep 1", sound, times=1)[0]
        os.kill(both[0], signal.SIGKILL)
        found = answer.result().json()
    starts = [(number * (1000 - 184) // 5) / 10 for number in range(6)]
    intervals = [(interval["start"], interval["end"]) for interval in found["results"][0]["intervals"]]
    assert intervals == [(round(start + 0.1, 1), round(start + 9.2, 1)) for start in starts]
    with pair.client() as client:
        whole = client.post("/v1/dense-caption", files={"file": sound}).json()
    assert whole["audio"]["duration"] == pytest.approx(100.05, abs=0.06)
    assert [event["intervals"] for event in whole["events"]] == [[{"start": 0.0, "end": 100.0, "confidence": None}]]


def test_a_request_that_cannot_meet_its_deadline_is_rejected_at_once(
    pair: Any, both: list[int], second: bytes, tone_wav: Callable[..., bytes]
) -> None:
    sound = tone_wav(15.0)
    with ThreadPoolExecutor(20) as threads:
        for answer in [threads.submit(ask, pair, "sleep 0.3", second) for _ in range(4)]:
            assert answer.result().is_success  # so that the server can estimate the time of requests
        answers = submit_requests(pair, threads, "sleep 4", sound, times=8)  # fill all slots
        answers += [threads.submit(ask, pair, "dog", sound) for _ in range(4)]
        until(lambda: pair.metric("timeaudio_audio_seconds_inside") == 12 * 15)
        late = ask(pair, "dog", second, timeout_s="0.6")
        assert late.status_code == 504
        assert "work are queued before this request" in late.json()["detail"]
        assert pair.metric("timeaudio_request_shed_total") >= 1
    assert {answer.result().status_code for answer in answers} == {200}
