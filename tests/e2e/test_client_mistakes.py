"""What the caller's own code raises reaches the caller over every transport; clients outlive loops and forks."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.conftest import free_port
from timeaudio import ApiError, AsyncClient, Client

SECOND = bytes(32_000)
SCHEMES = ("http", "grpc")


class Unplugged(Exception):
    pass


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(3.0)


def address(server: Any, scheme: str) -> str:
    return str(server.url) if scheme == "http" else f"grpc://{server.grpc}"


def test_an_async_client_in_several_event_loops(four_tasks: Any, sound: bytes) -> None:
    async def ask(client: AsyncClient) -> int:
        assert await client.is_ready()
        streamed = client.stream_dense_caption(sound)
        assert (await streamed.answer()).events
        return len((await client.dense_caption(sound)).events)

    for scheme in SCHEMES:
        client = AsyncClient(address(four_tasks, scheme))
        assert [asyncio.run(ask(client)) for _ in range(3)] == [1, 1, 1]
        gc.collect()  # warns of connections that were left open, and warnings are errors


def test_a_forked_process_uses_http_and_gets_an_error_for_async_grpc(four_tasks: Any, sound: bytes) -> None:
    expected = {"http": "1 event", "grpc": "spawn"}
    for scheme, word in expected.items():
        client = AsyncClient(address(four_tasks, scheme))
        asyncio.run(client.dense_caption(sound))
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                answer = f"{len(asyncio.run(client.dense_caption(sound)).events)} event"
            except Exception as error:
                answer = str(error)
            os.write(writing, answer.encode())
            os._exit(0)
        _await_end(child)
        assert word in os.read(reading, 1000).decode()
        os.close(reading)
        os.close(writing)
        assert asyncio.run(client.dense_caption(sound)).events
        asyncio.run(client.aclose())


def _await_end(child: int) -> None:
    for _ in range(600):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the forked process hangs")


def _breaking(chunks: int) -> Iterator[bytes]:
    for _ in range(chunks):
        yield SECOND
    raise Unplugged("The microphone is gone.")


async def _breaking_async(chunks: int) -> AsyncIterator[bytes]:
    for chunk in _breaking(chunks):
        await asyncio.sleep(0)
        yield chunk


@pytest.mark.parametrize("chunks", [0, 1, 12])
def test_the_error_of_a_microphone_reaches_the_caller(four_tasks: Any, chunks: int, caplog: Any) -> None:
    grpc = address(four_tasks, "grpc")
    with Client(grpc) as client, pytest.raises(Unplugged, match="gone") as caught:
        client.live_dense_caption(_breaking(chunks)).answer()
    assert any(entry.name == "_breaking" for entry in caught.traceback)
    assert caplog.text == ""  # gRPC would log a traceback of its own

    async def ask() -> None:
        async with AsyncClient(grpc) as client, asyncio.TaskGroup() as group:
            group.create_task(client.live_dense_caption(_breaking_async(chunks)).answer())

    with pytest.raises(ExceptionGroup) as group:
        asyncio.run(ask())
    assert [type(error) for error in group.value.exceptions] == [Unplugged]


def test_a_cancelled_task_stays_cancelled(four_tasks: Any) -> None:
    async def silence(is_read: asyncio.Event) -> AsyncIterator[bytes]:
        while True:
            yield SECOND
            is_read.set()
            await asyncio.sleep(0.05)

    async def ask() -> None:
        is_read = asyncio.Event()
        async with AsyncClient(address(four_tasks, "grpc")) as client:
            task = asyncio.create_task(client.live_dense_caption(silence(is_read)).answer())
            await is_read.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(ask())


def test_chunks_that_are_not_bytes(four_tasks: Any) -> None:
    async def ask(chunks: list[Any]) -> None:
        async def chunks_async() -> AsyncIterator[Any]:
            for chunk in chunks:
                yield chunk

        async with AsyncClient(address(four_tasks, "grpc")) as client:
            await client.live_dense_caption(chunks_async()).answer()

    mistakes: list[tuple[Any, str]] = [(np.zeros(100, np.int16), "tobytes"), ("text", "str is not bytes")]
    for chunk, message in [*mistakes, (None, "NoneType is not bytes")]:
        with Client(address(four_tasks, "grpc")) as client, pytest.raises(TypeError, match=message):
            client.live_dense_caption([chunk]).answer()
        with pytest.raises(TypeError, match=message):
            asyncio.run(ask([chunk]))


def test_live_chunks_of_every_kind_of_bytes(four_tasks: Any) -> None:
    with Client(address(four_tasks, "grpc")) as client:
        answer = client.live_dense_caption([SECOND, bytearray(SECOND), memoryview(SECOND)], window_s=None).answer()
    assert answer.audio.duration == 3.0


def test_a_caller_s_mistake_is_raised_before_anything_is_sent(sound: bytes) -> None:
    async def ask(nobody: str, **options: Any) -> None:
        async with AsyncClient(nobody) as client:
            await client.dense_caption(sound, **options)

    for scheme in SCHEMES:
        nobody = f"{scheme}://127.0.0.1:9"
        with Client(nobody) as client:
            for mistake, kind in (
                ({"begin": 1}, TypeError),
                ({"start": "1"}, TypeError),
                ({"num_beams": -1}, ValueError),
            ):
                with pytest.raises(kind, match=next(iter(mistake))):
                    client.dense_caption(sound, **mistake)
                with pytest.raises(kind, match=next(iter(mistake))):
                    asyncio.run(ask(nobody, **mistake))


def test_none_and_numpy_s_numbers(four_tasks: Any, sound: bytes) -> None:
    for scheme in SCHEMES:
        with Client(address(four_tasks, scheme)) as client:
            part = client.ground(
                bytearray(sound), "a dog", start=np.float32(0.5), end=None, num_beams=np.int64(1), timeout_s=20
            )
            assert (part.audio.start, part.audio.duration) == (0.5, 2.5)


def test_a_recording_that_cannot_be_read_is_an_os_error(four_tasks: Any, tmp_path: Path) -> None:
    for scheme in SCHEMES:
        for path in (tmp_path, tmp_path / "nothing.wav"):
            with Client(address(four_tasks, scheme)) as client, pytest.raises(OSError, match=str(tmp_path)):
                client.dense_caption(path)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_refusal_that_comes_while_the_recording_is_sent_reaches_the_caller(run_scripted: Any, scheme: str) -> None:
    async def refusals(url: str) -> list[str]:
        async with AsyncClient(url) as client:
            found = []
            for _ in range(8):  # without the fix, most of them are lost, not all
                with pytest.raises(ApiError) as caught:
                    await client.dense_caption(bytes(30_000_000))
                found.append(caught.value.type)
            return found

    with run_scripted("--grpc-port", str(free_port()), TIMEAUDIO_LIMITS__UPLOAD_BYTES="1000000") as server:
        assert set(asyncio.run(refusals(address(server, scheme)))) == {"urn:timeaudio:problem:upload-too-large"}
