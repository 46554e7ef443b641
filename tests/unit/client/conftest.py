"""A real HTTP server that sends scripted responses and records the requests that it receives."""

import contextlib
import functools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from timeaudio import AsyncClient, Client


@dataclass
class Scripted:
    """One scripted response."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass
class Received:
    """One received request: its path, its form fields as (name, bytes) in order, and its raw body."""

    path: str
    fields: list[tuple[str, bytes]]
    body: bytes

    def all(self, name: str) -> list[bytes]:
        return [value for key, value in self.fields if key == name]


class ScriptedServer:
    """Sends the responses of `script` in order and repeats the last one. Appends each request to `received`."""

    def __init__(self) -> None:
        self.script: list[Scripted] = []
        self.received: list[Received] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._answer(self)

            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def answer(self, status: int = 200, body: Any = None, **more: Any) -> None:
        self.script.append(Scripted(status, body, **more))

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        self.received.append(Received(request.path, _form(request.headers.get("content-type", ""), body), body))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        payload = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.content_type)
        request.send_header("Content-Length", str(len(payload)))
        for name, value in answer.headers.items():
            request.send_header(name, value)
        with contextlib.suppress(ConnectionError):  # the client may have closed the connection
            request.end_headers()
            request.wfile.write(payload)


def _form(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    if not content_type.startswith("multipart/"):
        return []
    message = BytesParser(policy=policy.HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return [
        (str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True))
        for part in message.iter_parts()
    ]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


def answer_fields() -> dict[str, Any]:
    return {
        "id": "a1",
        "model": "timeaudio-small",
        "audio": {"duration": 10.0, "start": 0.0, "warnings": []},
        "usage": {"audio_seconds": 10.0, "audio_tokens": 30, "prompt_tokens": 50, "completion_tokens": 20},
        "timing": {"decode_s": 0.01, "queue_s": 0.0, "encode_s": 0.1, "generate_s": 0.2, "total_s": 0.31},
    }


@pytest.fixture
def caption_json() -> dict[str, Any]:
    first = {"start": 0.0, "end": 2.5, "confidence": None}
    second = {"start": 3.2, "end": 8.0, "confidence": None}
    return {**answer_fields(), "events": [{"intervals": [first, second], "caption": "A dog barks."}]}


@pytest.fixture
def grounding_json() -> dict[str, Any]:
    found = {
        "query": "a dog barks",
        "present": True,
        "intervals": [{"start": 0.2, "end": 2.7, "confidence": 0.75}],
    }
    return {**answer_fields(), "results": [found, {"query": "rain", "present": False, "intervals": []}]}


@pytest.fixture
def summary_json() -> dict[str, Any]:
    return {**answer_fields(), "segments": [{"start": 0.0, "end": 4.1, "confidence": None, "summary": "She greets."}]}


@pytest.fixture
def question_json() -> dict[str, Any]:
    interval = {"start": 0.5, "end": 1.0, "confidence": None}
    return {**answer_fields(), "question": "How often?", "answer": "Once.", "intervals": [interval]}


class BlockingAsyncClient:
    """AsyncClient with the interface of Client. Its event loop runs in a thread inside the context."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._client = AsyncClient(*args, **options)
        self._portals = contextlib.ExitStack()

    def __enter__(self) -> "BlockingAsyncClient":
        self._portal = self._portals.enter_context(start_blocking_portal())
        self._portal.call(self._client.__aenter__)
        return self

    def __exit__(self, *error: object) -> None:
        self._portal.call(self._client.__aexit__, None, None, None)
        self._portals.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        return lambda *args, **options: self._portal.call(functools.partial(method, *args, **options))


@pytest.fixture(params=[Client, BlockingAsyncClient], ids=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`with connect(url, ...) as client`: first with Client, then with AsyncClient."""
    kind: Callable[..., Any] = request.param
    return kind
