"""API keys of a real server: who is admitted, who is rate-limited, and how keys change while it runs."""

import base64
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from server.auth.keys import digest
from tests.e2e.conftest import free_port

Runner = Callable[..., contextlib.AbstractContextManager[Any]]

ROUTES = ("/", "/docs", "/openapi.json", "/metrics", "/v1/models", "/nowhere")
TASKS = ("/v1/dense-caption", "/v1/ground", "/v1/summarize", "/v1/ask")
POSTS = (*TASKS, "/v1/chat/completions", "/v1/audio/transcriptions")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def table(name: str, *keys: str, more: str = "") -> str:
    return f"[{name}]\nsha256 = [{', '.join(repr(digest(key)) for key in keys)}]\n{more}\n"


KEYS = (
    table("archive", "archive-key", "archive-key-2")
    + table("slow", "slow-key", more="requests_per_minute = 6")
    + table("one", "one-key", more="concurrent = 1")
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    path.write_text(KEYS)
    return path


@pytest.fixture(scope="module")
def server(run_scripted: Runner, keys: Path) -> Iterator[Any]:
    origins = '["https://app.example"]'
    with run_scripted(TIMEAUDIO_ACCESS__KEYS_FILE=str(keys), TIMEAUDIO_ACCESS__CORS_ORIGINS=origins) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), {"Authorization": "Bearer"}, {"Authorization": "Basic ???"}], ids=str
)
def test_every_route_except_the_probes_requires_a_key(client: httpx.Client, headers: dict[str, str]) -> None:
    answers = [client.get(path, headers=headers) for path in ROUTES]
    answers += [client.post(path, headers=headers, files={"file": b"x"}) for path in POSTS]
    for response in answers:
        assert response.status_code == 401, response.url
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert "x-request-id" in response.headers
    assert client.get("/livez", headers=headers).is_success
    assert client.get("/readyz", headers=headers).is_success
    assert client.get("/v1/models", headers=headers).json()["error"]["code"] == "unauthorized"
    assert client.get("/metrics", headers=headers).json()["type"] == "urn:timeaudio:problem:unauthorized"


def test_every_key_of_a_caller_is_valid_for_every_route(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    for key in ("archive-key", "archive-key-2"):
        assert client.get("/v1/models", headers=bearer(key)).is_success
        files = {"file": tone_wav(1.0)}
        assert client.post("/v1/dense-caption", headers=bearer(key), files=files).is_success
    metrics = client.get("/metrics", headers=bearer("archive-key")).text
    assert 'timeaudio_key_requests_total{caller="archive",outcome="admitted"}' in metrics
    assert 'timeaudio_key_requests_total{caller="unknown",outcome="unauthorized"}' in metrics
    assert "archive-key" not in metrics


def test_a_browser_may_send_the_key_as_a_password_but_not_cross_site(client: httpx.Client) -> None:
    password = {"Authorization": "Basic " + base64.b64encode(b"anybody:archive-key").decode()}
    assert client.get("/v1/models", headers=password).is_success
    assert client.get("/v1/models", headers=password | {"Sec-Fetch-Site": "same-origin"}).is_success
    assert client.get("/v1/models", headers=password | {"Sec-Fetch-Site": "cross-site"}).status_code == 401


def test_a_password_that_is_not_base64_is_unknown_not_an_error(client: httpx.Client) -> None:
    for word in (b"caf\xe9", b"a", base64.b64encode(b"anybody:\xff"), base64.b64encode(b"no colon")):
        assert client.get("/v1/models", headers={"Authorization": b"Basic " + word}).status_code == 401, word


def test_a_request_without_a_key_is_rejected_before_its_body_is_read(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(b"POST /v1/dense-caption HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):  # until the server closes the connection
            answer += piece
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_rate_limited_caller_gets_retry_after_and_others_are_served(client: httpx.Client) -> None:
    answers = [client.get("/v1/models", headers=bearer("slow-key")) for _ in range(7)]
    assert [response.status_code for response in answers] == 6 * [200] + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert answers[-1].json()["error"]["code"] == "rate_limited"
    assert client.get("/v1/models", headers=bearer("archive-key")).is_success


def test_a_caller_cannot_exceed_its_concurrent_requests(server: Any, tone_wav: Callable[..., bytes]) -> None:
    def ask() -> int:
        with server.client() as client:
            files = {"file": tone_wav(1.0)}
            return client.post(
                "/v1/ground", headers=bearer("one-key"), data={"query": "sleep 1"}, files=files
            ).status_code

    with ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(lambda _: ask(), range(3)))
    assert 200 in statuses
    assert 429 in statuses
    assert ask() == 200  # the places are free again


def test_changed_keys_take_effect_while_the_server_runs(client: httpx.Client, keys: Path, server: Any) -> None:
    def until(key: str, status: int) -> None:
        give_up = time.monotonic() + 10
        while client.get("/v1/models", headers=bearer(key)).status_code != status:
            assert time.monotonic() < give_up, server.text()
            time.sleep(0.1)

    def until_kept(reason: str) -> None:
        give_up = time.monotonic() + 10
        while not any("the previous ones stay valid" in line and reason in line for line in server.text().splitlines()):
            assert client.get("/v1/models", headers=bearer("fresh-key")).is_success
            assert time.monotonic() < give_up, server.text()
            time.sleep(0.1)
        assert client.get("/v1/models", headers=bearer("fresh-key")).is_success

    fresh = keys.with_suffix(".new")
    fresh.write_text(table("archive", "archive-key", "fresh-key"))
    fresh.rename(keys)  # atomically, as Kubernetes replaces a secret
    until("fresh-key", 200)
    assert client.get("/v1/models", headers=bearer("archive-key-2")).status_code == 401
    keys.write_text("this is no [TOML")
    until_kept("cannot be read")
    keys.unlink()
    until_kept("No such file")
    keys.write_text(KEYS)
    until("archive-key-2", 200)
    until("fresh-key", 401)


def test_grpc_requires_the_same_keys(run_scripted: Runner, keys: Path, tone_wav: Callable[..., bytes]) -> None:
    from timeaudio.v1.timeaudio_pb2 import DenseCaptionRequest
    from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

    port = free_port()
    with (
        run_scripted("--grpc-port", str(port), TIMEAUDIO_ACCESS__KEYS_FILE=str(keys)),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        ask = TimeAudioServiceStub(channel).DenseCaption
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        with pytest.raises(grpc.RpcError) as refused:
            ask(DenseCaptionRequest(file=tone_wav(1.0)), metadata=(("x-request-id", "mine"), ("traceparent", trace)))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        returned = dict(refused.value.trailing_metadata())
        assert (returned["x-request-id"], returned["traceparent"].split("-")[1]) == ("mine", trace.split("-")[1])
        answer = ask(DenseCaptionRequest(file=tone_wav(1.0)), metadata=(("authorization", "Bearer archive-key"),))
        assert answer.events


def test_responses_have_security_headers_for_browsers(client: httpx.Client) -> None:
    answer = client.get("/v1/models", headers=bearer("archive-key"))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "server" not in answer.headers
    page = client.get("/docs", headers=bearer("archive-key"))
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_only_configured_origins_may_call_from_a_browser(client: httpx.Client) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    ours = client.options("/v1/ground", headers={"Origin": "https://app.example", **asks})
    assert ours.headers["access-control-allow-origin"] == "https://app.example"  # preflight requests have no key
    other = client.options("/v1/ground", headers={"Origin": "https://evil.example", **asks})
    assert "access-control-allow-origin" not in other.headers


def test_a_configured_origin_may_use_openai_s_client(client: httpx.Client) -> None:
    sent = "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-retry-count"
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": sent}
    allowed = client.options("/v1/chat/completions", headers={"Origin": "https://app.example", **asks})
    assert (allowed.status_code, allowed.headers["access-control-allow-headers"]) == (200, sent)
    other = client.options("/v1/chat/completions", headers={"Origin": "https://evil.example", **asks})
    assert "access-control-allow-origin" not in other.headers


def test_without_settings_no_key_is_required_and_cors_is_off(four_tasks: Any) -> None:
    with four_tasks.client() as client:
        answer = client.get("/v1/models", headers={"Origin": "https://app.example"})
    assert answer.is_success
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "defines no callers"),
        ("[a]\nsha256 = ['short']", "a.sha256.0"),
        ("[a]\nsha256 = []", "a.sha256"),
        (table("a", "key", more="limit = 3"), "a.limit"),
        ("nonsense", "cannot be read"),
    ],
)
def test_an_invalid_key_file_stops_the_startup(run_scripted: Runner, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with run_scripted(ready=False, TIMEAUDIO_ACCESS__KEYS_FILE=str(path)) as server:
        assert server.wait_end(30) == 2
        assert message in server.text()
        assert "TIMEAUDIO_ACCESS__KEYS_FILE" in server.text()


def test_a_generated_key_matches_its_generated_file(tmp_path: Path) -> None:
    from server.auth.keys import KeyFile

    command = [sys.executable, "-m", "server.auth", "archive.eu"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    key = made.stderr.split()[-1]
    assert key not in made.stdout
    path = tmp_path / "keys.toml"
    path.write_text(made.stdout)
    found = KeyFile(path).find(key)
    assert found is not None
    assert found[0] == "archive.eu"
    refused = subprocess.run([*command[:-1], "archive eu"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
