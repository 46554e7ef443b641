"""A client outlives its event loop and a fork: the connections that it opened there are not used again."""

import asyncio
import gc
import json
import os
import socket
import threading

import pytest

from timeaudio import AsyncClient, Client
from timeaudio.connections import Connections

SOUND = bytes(range(256)) * 40


@pytest.fixture
def keep_alive_server(server, caption_json):
    """The scripted server, which keeps its connections open."""
    server.answer(200, caption_json)
    server._http.RequestHandlerClass.protocol_version = "HTTP/1.1"
    server._http.daemon_threads = True
    server._http.block_on_close = False
    return server


@pytest.mark.parametrize("in_context", [False, True])
def test_one_async_client_in_several_event_loops(keep_alive_server, in_context):
    client = AsyncClient(keep_alive_server.url)

    async def ask():
        if not in_context:
            return await client.dense_caption(SOUND)
        async with client:
            return await client.dense_caption(SOUND)

    answers = [asyncio.run(ask()) for _ in range(3)]
    assert [len(answer.events) for answer in answers] == [1, 1, 1]
    gc.collect()  # warns of connections that were left open, and warnings are errors


def test_a_stream_that_is_left_open_ends_with_its_event_loop(keep_alive_server):
    event = {"intervals": [{"start": 0, "end": 1}], "caption": "x"}
    messages = f"event: event\ndata: {json.dumps(event)}\n\n" * 1000
    keep_alive_server.script.clear()
    keep_alive_server.answer(200, messages.encode(), content_type="text/event-stream")
    client = AsyncClient(keep_alive_server.url)

    async def ask():
        stream = client.stream_dense_caption(SOUND)
        return (await anext(stream)).caption, stream

    assert [asyncio.run(ask())[0] for _ in range(2)] == ["x", "x"]
    gc.collect()


def test_requests_of_one_event_loop_share_a_connection(keep_alive_server):
    async def ask():
        async with AsyncClient(keep_alive_server.url) as client:
            await client.dense_caption(SOUND)
            first = await client._transport._http.here()
            await client.dense_caption(SOUND)
            return await client._transport._http.here() is first

    assert asyncio.run(ask())


def test_two_threads_with_an_event_loop_each(keep_alive_server):
    client = AsyncClient(keep_alive_server.url)
    both = threading.Barrier(2, timeout=30)
    found = []

    async def ask():
        for _ in range(3):
            both.wait()
            found.append(len((await client.dense_caption(SOUND)).events))
        await client.aclose()

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 6


def test_a_forked_process_opens_its_own_connection():
    opened = Connections(lambda: socket.socketpair())
    ours = opened.here()
    assert opened.here() is ours
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"own" if opened.here() is not ours else b"same")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"own"
    assert opened.here() is ours
    for end in (*ours, *(opened.taken() or ())):
        end.close()
    os.close(reading)
    os.close(writing)


def test_a_closed_client_opens_a_connection_again(keep_alive_server):
    client = Client(keep_alive_server.url)
    for _ in range(2):
        with client:
            assert client.dense_caption(SOUND).events
