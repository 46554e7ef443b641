"""The HTTP transport: sends the recording in a form and reads JSON or server-sent events."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, BinaryIO, Final
from urllib.parse import SplitResult

import httpx
from httpx_sse import EventSource, ServerSentEvent

from timeaudio.address import is_loopback
from timeaudio.connections import AsyncConnections, Connections
from timeaudio.errors import ApiError, ServerUnreachable
from timeaudio.requests import CONNECT_TIMEOUT_S, A, AudioRequest, LiveRequest, Part, TaskName
from timeaudio.responses import parsed, parsed_json, reached, refusal
from timeaudio.results import Beginning, CaptionedEvent, GroundingResult, Interval, Progress, SummarySegment

_PATHS: Final[Mapping[TaskName, str]] = {
    "dense_caption": "/v1/dense-caption",
    "ground": "/v1/ground",
    "summarize": "/v1/summarize",
    "ask": "/v1/ask",
}
_PARTS: Final[Mapping[str, type[Part]]] = {
    "start": Beginning,
    "progress": Progress,
    "event": CaptionedEvent,
    "result": GroundingResult,
    "segment": SummarySegment,
    "interval": Interval,
}
"""The type of each message, by its name."""

_SENT_BEFORE_READING: Final = frozenset({401, 429})
"""The statuses of a refused API key, which the server sends before it reads the body."""


class HttpTransport:
    """See `timeaudio.requests.Transport`."""

    def __init__(self, address: SplitResult, timeout: float, headers: Mapping[str, str]) -> None:
        self.url = httpx.URL(address.geturl())
        self._http = Connections(lambda: httpx.Client(**_connection(self.url, timeout), headers=headers))

    def whole(self, request: AudioRequest[A]) -> A:
        """Return the whole answer."""
        with reached(self.url), request.recording.opened() as file:
            response = self._http.here().post(_PATHS[request.task], **_content(request, file))
        if not response.is_success:
            raise refusal(response, self.url)
        return parsed(response, request.kind, self.url)

    def parts(self, request: AudioRequest[Any]) -> Iterator[Part]:
        """Yield the answer as it is found."""
        path = _PATHS[request.task]
        with (
            reached(self.url),
            request.recording.opened() as file,
            self._http.here().stream("POST", path, **_content(request, file, stream="true")) as response,
        ):
            if not response.is_success:
                response.read()
                raise refusal(response, self.url)
            for message in EventSource(response).iter_sse():
                if (part := _part(message, request, self.url)) is not None:
                    yield part
                    if isinstance(part, request.kind):
                        return
        raise _cut_off(self.url)

    def live(self, live: LiveRequest[Any, Any]) -> Iterator[Part]:
        """Raise ValueError: live sound needs gRPC."""
        raise ValueError(f"Live sound needs gRPC; {self.url} is HTTP. Use an address like grpc://HOST:PORT.")

    def ready(self) -> bool:
        """Return whether the server accepts requests now."""
        with reached(self.url):
            return self._http.here().get("/readyz").is_success

    def close(self) -> None:
        """Close the connection."""
        if (http := self._http.taken()) is not None:
            http.close()


class AsyncHttpTransport:
    """See `timeaudio.requests.AsyncTransport`."""

    def __init__(self, address: SplitResult, timeout: float, headers: Mapping[str, str]) -> None:
        self.url = httpx.URL(address.geturl())
        self._http = AsyncConnections(
            lambda: httpx.AsyncClient(**_connection(self.url, timeout), headers=headers), httpx.AsyncClient.aclose
        )

    async def whole(self, request: AudioRequest[A]) -> A:
        """Return the whole answer."""
        with request.recording.opened() as file:
            async with self._reached():
                response = await (await self._http.here()).post(_PATHS[request.task], **_content(request, file))
        if not response.is_success:
            raise refusal(response, self.url)
        return parsed(response, request.kind, self.url)

    async def parts(self, request: AudioRequest[Any]) -> AsyncIterator[Part]:
        """Yield the answer as it is found."""
        path = _PATHS[request.task]
        with request.recording.opened() as file:
            async with (
                self._reached(),
                (await self._http.here()).stream("POST", path, **_content(request, file, stream="true")) as response,
            ):
                if not response.is_success:
                    await response.aread()
                    raise refusal(response, self.url)
                async for message in EventSource(response).aiter_sse():
                    if (part := _part(message, request, self.url)) is not None:
                        yield part
                        if isinstance(part, request.kind):
                            return
        raise _cut_off(self.url)

    def live(self, live: LiveRequest[Any, Any]) -> AsyncIterator[Part]:
        """Raise ValueError: live sound needs gRPC."""
        raise ValueError(f"Live sound needs gRPC; {self.url} is HTTP. Use an address like grpc://HOST:PORT.")

    async def ready(self) -> bool:
        """Return whether the server accepts requests now."""
        with reached(self.url):
            return (await (await self._http.here()).get("/readyz")).is_success

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    @asynccontextmanager
    async def _reached(self) -> AsyncIterator[None]:
        """Do what `reached` does, and recover a refusal that was lost.

        The server refuses a bad API key and closes the connection without reading the recording. asyncio notices the
        closed connection first and never reads the response, so a request without a body fetches it again.
        """
        try:
            with reached(self.url):
                yield
        except ServerUnreachable as error:
            if isinstance(error.__cause__, httpx.NetworkError) and not isinstance(error.__cause__, httpx.ConnectError):
                with suppress(httpx.TransportError):
                    response = await (await self._http.here()).get(_PATHS["dense_caption"])  # 405 if the key is valid
                    if response.status_code in _SENT_BEFORE_READING:
                        raise refusal(response, self.url) from None
            raise


def _connection(url: httpx.URL, timeout: float) -> dict[str, Any]:
    """Arguments for an httpx client. Units: `timeout` is seconds without a byte from the server."""
    return {
        "base_url": url,
        "timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT_S)),
        "trust_env": not is_loopback(url.host),  # a proxy cannot reach this machine
    }


def _content(request: AudioRequest[Any], file: BinaryIO, **more: str) -> dict[str, Any]:
    """Return the form, as arguments for httpx. It omits the file's name, which the server does not need."""
    return {"data": {**request.options, **request.words, **more}, "files": {"file": ("audio", file)}}


def _part(message: ServerSentEvent, request: AudioRequest[Any], url: httpx.URL) -> Part | None:
    """Parse a message; None for a kind that only a newer server sends.

    Raises:
        ApiError: the message reports an error.
        UnexpectedAnswer: the message does not have the expected fields.
    """
    if message.event == "error":
        problem = message.json()
        raise ApiError(int(problem.get("status", 500)), problem)
    kind = request.kind if message.event == "done" else _PARTS.get(message.event)
    return None if kind is None else parsed_json(message.data, kind, url)


def _cut_off(url: httpx.URL) -> ServerUnreachable:
    return ServerUnreachable(f"The answer from {url} ended early. Try again.")
