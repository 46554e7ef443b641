"""The life of a server: startup, full queue, lost worker, shutdown. No process is left behind."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

Runner = Callable[..., contextlib.AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def second(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(1.0)


@pytest.fixture(scope="module")
def client(scripted: Any) -> Iterator[httpx.Client]:
    with scripted.client() as client:
        yield client


def slug(response: httpx.Response) -> str:
    return str(response.json()["type"]).removeprefix("urn:timeaudio:problem:")


def ask(server: Any, query: str, sound: bytes, **fields: str) -> httpx.Response:
    with server.client() as client:
        return client.post("/v1/ground", data={"query": query, **fields}, files={"file": sound})


def until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    give_up = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < give_up, "the condition was not met in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return (Path(f"/proc/{pid}") / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def worker_of(server: Any) -> int:
    """Return the process id of the worker."""
    for pid in server.tree():
        with contextlib.suppress(OSError):
            if b"server.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    raise AssertionError("no worker")


def test_while_the_model_loads_requests_get_503(run_scripted: Runner, second: bytes, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    with run_scripted(ready=False, SCRIPTED_LOAD=str(loaded)) as server, server.client() as client:

        def listening() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return client.get("/livez").is_success
            return False

        until(listening, 60)
        for response in (client.get("/readyz"), client.post("/v1/dense-caption", files={"file": second})):
            assert response.status_code == 503
            assert slug(response) == "not-ready"
            assert int(response.headers["retry-after"]) >= 1
        loaded.touch()
        server.wait_ready()
        assert client.post("/v1/dense-caption", files={"file": second}).is_success


def test_an_invalid_checkpoint_stops_the_server(run_scripted: Runner) -> None:
    with run_scripted("--model", "/nowhere", ready=False, SCRIPTED_LOAD="refuse") as server:
        assert server.wait_end(60) == 1
        assert "/nowhere holds no config.json" in server.text().splitlines()[-1]


def test_a_worker_that_always_dies_stops_the_server(run_scripted: Runner) -> None:
    settings = {"TIMEAUDIO_WORKER__MAX_RESTARTS": "1", "TIMEAUDIO_WORKER__BACKOFF_S": "0.1"}
    with run_scripted(ready=False, SCRIPTED_LOAD="crash", **settings) as server:
        assert server.wait_end(60) == 1
        assert "died 2 times in a row" in server.text().splitlines()[-1]


def test_a_device_that_cannot_be_stops_the_server(run_scripted: Runner) -> None:
    with run_scripted("--device", "cuda:a", ready=False) as server:
        assert server.wait_end(30) == 1
        assert "A worker cannot be started" in server.text()
    with run_scripted("--workers", "0", ready=False) as server:
        assert server.wait_end(30) == 2


def test_the_error_names_invalid_settings(run_scripted: Runner) -> None:
    with run_scripted(ready=False, TIMEAUDIO_LIMITS__QUERIES="many", TIMEAUDIO_DRAIN_S="-1") as server:
        assert server.wait_end(60) == 2
        assert "TIMEAUDIO_LIMITS__QUERIES: " in server.text()
        assert "TIMEAUDIO_DRAIN_S: " in server.text()


def test_a_port_in_use_is_reported(run_scripted: Runner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with run_scripted(ready=False, port=taken.getsockname()[1]) as server:
            assert server.wait_end(60) == 1
            assert "address already in use" in server.text()


def test_request_ids(scripted: Any, client: httpx.Client, second: bytes) -> None:
    given = client.post("/v1/dense-caption", files={"file": second}, headers={"X-Request-ID": "mine-1"})
    assert given.headers["x-request-id"] == "mine-1"
    assert "mine-1" in scripted.text()
    forged = client.get("/livez", headers={"X-Request-ID": "two words\tand more"})
    assert forged.headers["x-request-id"].isalnum()


def test_the_answers_follow_the_documented_shape(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    answer = client.post("/v1/dense-caption", files={"file": tone_wav(10.0)}).json()
    assert answer["id"].startswith("ta-")
    assert answer["model"] == "scripted"
    assert answer["events"] == [
        {"intervals": [{"start": 0.0, "end": 10.0, "confidence": None}], "caption": "All of it."}
    ]
    assert answer["audio"] == {"duration": 10.0, "start": 0.0, "warnings": []}
    assert answer["usage"] == {"audio_seconds": 10.0, "audio_tokens": 30, "prompt_tokens": 12, "completion_tokens": 7}
    timing = answer["timing"]
    assert timing.keys() == {"decode_s", "queue_s", "encode_s", "generate_s", "total_s"}
    assert sum(timing.values()) - timing["total_s"] <= timing["total_s"]


def test_several_queries_in_order(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    response = client.post("/v1/ground", data={"query": ["dog", " nothing ", "cat"]}, files={"file": tone_wav(4.0)})
    results = response.json()["results"]
    assert [(r["query"], r["present"], len(r["intervals"])) for r in results] == [
        ("dog", True, 1),
        ("nothing", False, 0),
        ("cat", True, 1),
    ]
    assert response.json()["usage"]["prompt_tokens"] == 36


def test_times_of_a_part_count_from_the_start_of_the_file(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    fields = {"start": "2.06", "end": "5.0"}
    answer = client.post("/v1/dense-caption", data=fields, files={"file": tone_wav(10.0)}).json()
    assert answer["audio"] == {"duration": 3.0, "start": 2.0, "warnings": []}  # the start is rounded down to a tenth
    assert answer["events"][0]["intervals"][0] == {"start": 2.0, "end": 5.0, "confidence": None}


def test_too_slow_for_the_deadline(client: httpx.Client, second: bytes) -> None:
    started = time.monotonic()
    response = client.post("/v1/ground", data={"query": "sleep 2", "timeout_s": "0.5"}, files={"file": second})
    assert response.status_code == 504
    assert slug(response) == "deadline-exceeded"
    assert time.monotonic() - started < 1.9


def test_an_internal_error_is_a_500_without_details(scripted: Any, client: httpx.Client, second: bytes) -> None:
    response = client.post("/v1/ground", data={"query": "raise"}, files={"file": second})
    assert response.status_code == 500
    assert slug(response) == "internal"
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in response.json()["detail"]
    assert response.headers["x-request-id"] in scripted.text()
    assert "a defect, with secrets" in scripted.text()


def test_a_lost_worker_is_replaced_and_its_request_is_retried(scripted: Any, second: bytes) -> None:
    before = worker_of(scripted)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(ask, scripted, "sleep 0.5", second)
        until(lambda: scripted.metric("timeaudio_num_requests_running") == 1)
        os.kill(before, signal.SIGKILL)
        with scripted.client() as client:
            until(lambda: client.get("/readyz").status_code == 503, 1.0)
            assert slug(client.post("/v1/dense-caption", files={"file": second})) == "not-ready"
        assert running.result().is_success
    assert worker_of(scripted) != before
    assert scripted.metric("timeaudio_worker_restarts_total") == 1


def test_a_disconnected_caller_cancels_its_work(scripted: Any, second: bytes) -> None:
    with ThreadPoolExecutor() as threads:
        running = threads.submit(ask, scripted, "sleep 1.5", second)
        until(lambda: scripted.metric("timeaudio_num_requests_running") == 1)
        with scripted.client(timeout=1.0) as impatient, pytest.raises(httpx.ReadTimeout):
            impatient.post("/v1/ground", data={"query": "sleep 60"}, files={"file": second})
        until(lambda: scripted.metric("timeaudio_num_requests_waiting") == 0)
        assert running.result().is_success
        assert ask(scripted, "dog", second, timeout_s="20").is_success  # no 60 s request runs before it
    assert scripted.metric("timeaudio_audio_seconds_inside") == 0


@pytest.fixture(scope="module")
def tight(run_scripted: Runner) -> Iterator[Any]:
    """A server with small limits."""
    limits = {"QUEUED_REQUESTS": "2", "QUEUED_AUDIO_SECONDS": "10", "UPLOAD_BYTES": "400000", "UPLOAD_TIMEOUT_S": "1"}
    with run_scripted(**{f"TIMEAUDIO_LIMITS__{name}": value for name, value in limits.items()}) as server:
        yield server


def test_a_full_queue(tight: Any, second: bytes) -> None:
    server = tight
    with ThreadPoolExecutor() as threads:
        shed = server.metric("timeaudio_request_shed_total")
        inside = [threads.submit(ask, server, "sleep 1", second) for _ in range(2)]
        until(lambda: inside_of(server) == 2)
        rejected = ask(server, "dog", second)
        assert rejected.status_code == 429
        assert slug(rejected) == "overloaded"
        assert int(rejected.headers["retry-after"]) >= 1
        assert all(future.result().is_success for future in inside)
        assert ask(server, "dog", second).is_success
        assert server.metric("timeaudio_request_shed_total") == shed + 1


def test_too_much_queued_audio(tight: Any, tone_wav: Callable[..., bytes]) -> None:
    server = tight
    with ThreadPoolExecutor() as threads:
        assert ask(server, "dog", tone_wav(12.0)).is_success  # a single recording always fits
        inside = threads.submit(ask, server, "sleep 1", tone_wav(8.0))
        until(lambda: server.metric("timeaudio_audio_seconds_inside") == 8)
        assert ask(server, "dog", tone_wav(3.0)).status_code == 429
        assert ask(server, "dog", tone_wav(2.0)).is_success
        assert inside.result().is_success


def inside_of(server: Any) -> float:
    return float(server.metric("timeaudio_num_requests_running") + server.metric("timeaudio_num_requests_waiting"))


def test_bodies_above_the_limit_are_not_read_to_the_end(tight: Any, tone_wav: Callable[..., bytes]) -> None:
    server = tight
    with server.client() as client:
        assert client.post("/v1/dense-caption", files={"file": tone_wav(12.0)}).is_success
        declared = client.post("/v1/dense-caption", files={"file": tone_wav(13.0)})
        chunks: Iterator[bytes] = iter([HEAD] + [b"\0" * 40_000] * 30)
        chunked = client.post("/v1/dense-caption", content=chunks, headers={"content-type": FORM})
        for response in (declared, chunked):
            assert response.status_code == 413
            assert slug(response) == "upload-too-large"
            assert "400000" in response.json()["detail"]
            assert "TIMEAUDIO_LIMITS__UPLOAD_BYTES" in response.json()["detail"]
        assert "416" in declared.json()["detail"]  # the size of the body, if it is known
        assert answered_before_the_end(server) == 413
        assert client.post("/v1/dense-caption", files={"file": tone_wav(12.0)}).is_success


FORM = "multipart/form-data; boundary=x"
HEAD = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'


def answered_before_the_end(server: Any) -> int:
    """Return the status of the response to a chunked body that never ends."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = f"POST /v1/dense-caption HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for chunk in [HEAD] + [b"\0" * 40_000] * 11:
            connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        return int(connection.recv(4096).split()[1])


def test_a_slow_upload_times_out_and_frees_its_place(tight: Any) -> None:
    host, port = tight.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            f"POST /v1/ground HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 1000\r\n\r\n".encode()
        )
        assert b" 408 " in connection.recv(4096).split(b"\r\n")[0]
    until(lambda: inside_of(tight) == 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_running_requests_finish(run_scripted: Runner, second: bytes, number: signal.Signals) -> None:
    """Requests that arrive before the port closes also finish: a load balancer sends some until its next probe."""
    with run_scripted(TIMEAUDIO_DRAIN_DELAY_S="2") as server, ThreadPoolExecutor() as threads:
        pids = list(server.tree())
        running: Future[httpx.Response] = threads.submit(ask, server, "sleep 1.5", second)
        until(lambda: server.metric("timeaudio_num_requests_running") == 1)
        server.process.send_signal(number)
        with server.client() as client:
            until(lambda: client.get("/readyz").status_code == 503)
            assert client.get("/livez").is_success
            assert client.post("/v1/dense-caption", files={"file": second}).is_success
        assert running.result().is_success
        assert server.wait_end() == 0
        until(lambda: not any(map(alive, pids)))


def test_a_killed_server_leaves_no_process_behind(run_scripted: Runner) -> None:
    with run_scripted() as server:
        pids = list(server.tree())
        assert len(pids) >= 4  # front end, worker, two decoders
        os.kill(server.process.pid, signal.SIGKILL)
        until(lambda: not any(map(alive, pids)))
