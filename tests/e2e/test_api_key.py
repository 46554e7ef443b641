"""A server that requires API keys, called by our own clients and commands over both transports."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.auth.keys import digest
from tests.e2e.conftest import TESTS, free_port
from timeaudio import ApiError, AsyncClient, Client
from timeaudio.api_key import VARIABLE

KEY = "ta-of-the-archive"
SLOW = "ta-of-the-slow"
TRANSPORTS = ("http", "grpc")


@pytest.fixture(scope="module")
def keyed(
    run_scripted: Callable[..., contextlib.AbstractContextManager[Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    path.write_text(
        f"[archive]\nsha256 = ['{digest(KEY)}']\n[slow]\nsha256 = ['{digest(SLOW)}']\nrequests_per_minute = 1\n"
    )
    with run_scripted("--grpc-port", str(free_port()), TIMEAUDIO_ACCESS__KEYS_FILE=str(path)) as server:
        yield server
        for secret in (KEY, SLOW):
            assert secret not in server.text()  # checked after all tests of this module


@pytest.fixture(autouse=True)
def no_key_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(5.0)


def url(server: Any, transport: str) -> str:
    return server.url if transport == "http" else f"grpc://{server.grpc}"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_client_sends_its_key_for_answers_and_streams(keyed: Any, transport: str, sound: bytes) -> None:
    with Client(url(keyed, transport), api_key=KEY) as client:
        assert client.is_ready()
        answer = client.dense_caption(sound)
        assert answer.events
        assert tuple(client.stream_dense_caption(sound)) == answer.events


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_async_client_sends_its_key_too(keyed: Any, transport: str, sound: bytes) -> None:
    async def ask() -> None:
        async with AsyncClient(url(keyed, transport), api_key=KEY) as client:
            assert await client.is_ready()
            answer = await client.dense_caption(sound)
            assert tuple([event async for event in client.stream_dense_caption(sound)]) == answer.events

    asyncio.run(ask())


def test_an_async_client_gets_401_even_if_the_server_closes_mid_upload(
    keyed: Any, tone_wav: Callable[..., bytes]
) -> None:
    large = tone_wav(120.0)

    async def refused() -> ApiError:
        async with AsyncClient(keyed.url, api_key="ta-wrong") as client:
            with pytest.raises(ApiError) as error:
                await client.dense_caption(large)
        return error.value

    for _ in range(3):
        error = asyncio.run(refused())
        assert (error.status, error.type) == (401, "urn:timeaudio:problem:unauthorized")


def test_live_audio_requires_a_key(keyed: Any) -> None:
    chunks = [bytes(32_000)] * 6
    with Client(url(keyed, "grpc"), api_key=KEY) as client:
        with client.live_dense_caption(chunks, window_s=5.0) as events:
            list(events)
        assert events.answer().audio.duration == 6.0
    with Client(url(keyed, "grpc")) as client, pytest.raises(ApiError) as refused:
        list(client.live_dense_caption(chunks, window_s=5.0))
    assert refused.value.status == 401


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_key_comes_from_the_environment_unless_an_argument_sets_it(
    keyed: Any, transport: str, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"{KEY}\n")  # with a newline, as if read from a file
    with Client(url(keyed, transport)) as client:
        assert client.dense_caption(sound).events
    with Client(url(keyed, transport), api_key="") as client, pytest.raises(ApiError) as refused:
        client.dense_caption(sound)
    assert refused.value.status == 401


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_without_a_valid_key_both_transports_give_the_same_error(keyed: Any, transport: str, sound: bytes) -> None:
    for key in (None, "ta-wrong"):
        for ask in ("dense_caption", "stream_dense_caption"):
            with Client(url(keyed, transport), api_key=key) as client, pytest.raises(ApiError) as refused:
                list(getattr(client, ask)(sound))
            error = refused.value
            assert (error.status, error.type) == (401, "urn:timeaudio:problem:unauthorized")
            assert error.instance.startswith("urn:timeaudio:request:")
            assert "key" in error.detail
            assert str(key) not in str(error)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_rate_limited_client_gets_the_time_to_wait(keyed: Any, transport: str, sound: bytes) -> None:
    with Client(url(keyed, transport), api_key=SLOW, retry_for_s=0) as client:
        with contextlib.suppress(ApiError):
            client.dense_caption(sound)  # uses up the one request per minute
        with pytest.raises(ApiError) as refused:
            client.dense_caption(sound)
    assert (refused.value.status, refused.value.type) == (429, "urn:timeaudio:problem:rate-limited")
    assert refused.value.retry_after_s is not None
    assert 1 <= refused.value.retry_after_s <= 60


def shell(*words: str, key: str | None) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(TESTS.parent)} | ({VARIABLE: key} if key else {})
    command = [sys.executable, "-m", "timeaudio", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_commands_read_the_key_from_the_environment(keyed: Any, transport: str, sound: bytes, tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    file.write_bytes(sound)
    for more in (["--json"], ["--stream", "--json-lines"]):
        words = ("caption", str(file), "--server", url(keyed, transport), *more)
        accepted = shell(*words, key=KEY)
        assert accepted.returncode == 0, accepted.stderr
        assert "caption" in accepted.stdout
        assert KEY not in accepted.stdout + accepted.stderr
        refused = shell(*words, key=None)
        assert refused.returncode == 1
        assert VARIABLE in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_a_batch_sends_the_key_and_writes_no_rows_if_it_is_wrong(keyed: Any, sound: bytes, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(sound)
    rows = tmp_path / "rows.jsonl"
    words = ("batch", str(tmp_path), "-o", str(rows), "--server", keyed.url)
    refused = shell(*words, key="ta-wrong")
    assert refused.returncode == 1
    assert "Unknown API key" in refused.stderr
    assert rows.read_text() == ""
    accepted = shell(*words, key=KEY)
    assert accepted.returncode == 0, accepted.stderr
    assert rows.read_text().count('"ok"') == 2
    assert KEY not in accepted.stdout + accepted.stderr + rows.read_text()


def test_a_key_that_no_header_can_hold_is_rejected_and_not_printed(tmp_path: Path) -> None:
    for key in ("with space", "two\nlines", "schlüssel"):
        for transport in ("http://127.0.0.1:1", "grpc://127.0.0.1:1"):
            with pytest.raises(ValueError, match=VARIABLE) as refused:
                Client(transport, api_key=key)
            assert key not in str(refused.value)
        for words in (["caption", "a.wav"], ["batch", str(tmp_path), "-o", str(tmp_path / "rows.jsonl")]):
            result = shell(*words, "--server", "http://127.0.0.1:1", key=key)
            assert result.returncode == 2, result.stderr
            assert VARIABLE in result.stderr
            assert key not in result.stderr


def test_an_address_with_a_password_is_rejected_and_not_printed() -> None:
    for address in ("http://me:secret@127.0.0.1:1", "grpc://secret@127.0.0.1:1", "ftp://me:secret@x"):
        with pytest.raises(ValueError, match=VARIABLE) as refused:
            Client(address)
        assert "secret" not in str(refused.value)
