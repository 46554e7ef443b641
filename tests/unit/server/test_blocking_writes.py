"""Large recordings are written to disk in a thread, so that the event loop serves other callers meanwhile."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.api.openai_schema import ChatRequest
from server.grpc_api.chunks import save
from server.rest.chat import _save_recording
from server.runtime.run_blocking import SMALL
from server.settings import Limits
from timeaudio.v1 import timeaudio_pb2 as pb


class Target:
    """A file that remembers which threads wrote it."""

    def __init__(self) -> None:
        self.data = b""
        self.threads: set[threading.Thread] = set()

    def write_bytes(self, data: bytes) -> int:
        self.threads.add(threading.current_thread())
        self.data += data
        return len(data)

    write = write_bytes

    def open(self, mode: str) -> "Target":
        return self

    def __enter__(self) -> "Target":
        return self

    def __exit__(self, *_: object) -> None:
        pass


async def chat(data: bytes, target: Any) -> None:
    audio = {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": "wav"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, audio]}]}
    await _save_recording(ChatRequest.model_validate(body, strict=True), target)


async def rpc(data: bytes, target: Any) -> None:
    async def chunks() -> AsyncIterator[pb.AnalyzeRequest]:
        yield pb.AnalyzeRequest(chunk=data)

    await save(chunks(), Limits(), target)


@pytest.mark.parametrize("way", [chat, rpc])
@pytest.mark.parametrize(("size", "is_inline"), [(SMALL, True), (SMALL + 1, False)])
def test_only_small_recordings_are_written_on_the_event_loop(way: Any, size: int, is_inline: bool) -> None:
    target = Target()
    asyncio.run(way(bytes(size), target))
    assert len(target.data) == size
    assert (target.threads == {threading.main_thread()}) == is_inline
