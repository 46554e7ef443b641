"""The gRPC transport: calls the method Analyze and sends the recording in chunks.

Needs the extra `grpc`; only this module and `timeaudio.rpc_messages` import it.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from itertools import chain
from typing import Any, Final
from urllib.parse import SplitResult

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from timeaudio.address import is_loopback
from timeaudio.errors import ServerUnreachable
from timeaudio.requests import A, AudioRequest, LiveRequest, Part
from timeaudio.results import AnyAnswer
from timeaudio.rpc_messages import live_config, part_of, refusal, requests
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

_READY_TIMEOUT_S: Final = 5.0
_SERVICE: Final = pb.DESCRIPTOR.services_by_name["TimeAudioService"].full_name


class GrpcTransport:
    """See `timeaudio.requests.Transport`. Units: `timeout` is seconds for a whole call."""

    def __init__(self, address: SplitResult, timeout: float, headers: Mapping[str, str]) -> None:
        self._url = address.geturl()
        self._timeout = timeout
        self._metadata = tuple(headers.items())
        self._channel = _channel(grpc, address)

    def whole(self, request: AudioRequest[A]) -> A:
        """Return the whole answer."""
        *_, last = self.parts(request)
        assert isinstance(last, request.kind), "parts end with the answer, or raise"
        return last

    def parts(self, request: AudioRequest[Any]) -> Iterator[Part]:
        """Yield the answer as it is found."""
        with request.recording.opened() as file:
            yield from self._call(requests(request, file), request.kind, self._timeout)

    def live(self, live: LiveRequest[Any, Iterable[bytes]]) -> Iterator[Part]:
        """Yield the answer for live sound."""
        chunks = (pb.AnalyzeRequest(chunk=chunk) for chunk in live.chunks)
        yield from self._call(chain([live_config(live)], chunks), live.kind, None)

    def _call(self, sent: Iterator[pb.AnalyzeRequest], kind: type[AnyAnswer], timeout: float | None) -> Iterator[Part]:
        call = TimeAudioServiceStub(self._channel).Analyze(sent, timeout=timeout, metadata=self._metadata)
        try:
            for response in call:
                if (part := part_of(response, self._url)) is not None:
                    yield part
                    if isinstance(part, kind):
                        return
        except grpc.RpcError as error:
            raise refusal(error, self._url) from error
        finally:
            call.cancel()
        raise _cut_off(self._url)

    def ready(self) -> bool:
        """Return whether the server accepts requests now."""
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            health = health_pb2_grpc.HealthStub(self._channel).Check(request, timeout=_READY_TIMEOUT_S)
        except grpc.RpcError as error:
            raise refusal(error, self._url) from error
        return bool(health.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


class AsyncGrpcTransport:
    """See `timeaudio.requests.AsyncTransport`. For asyncio; opens its channel on first use."""

    def __init__(self, address: SplitResult, timeout: float, headers: Mapping[str, str]) -> None:
        self._address = address
        self._url = address.geturl()
        self._timeout = timeout
        self._metadata = tuple(headers.items())
        self._opened: Any = None

    async def whole(self, request: AudioRequest[A]) -> A:
        """Return the whole answer."""
        last: Part | None = None
        async for part in self.parts(request):
            last = part
        assert isinstance(last, request.kind), "parts end with the answer, or raise"
        return last

    async def parts(self, request: AudioRequest[Any]) -> AsyncIterator[Part]:
        """Yield the answer as it is found."""
        with request.recording.opened() as file:
            async with aclosing(self._call(requests(request, file), request.kind, self._timeout)) as parts:
                async for part in parts:
                    yield part

    async def live(self, live: LiveRequest[Any, AsyncIterable[bytes]]) -> AsyncIterator[Part]:
        """Yield the answer for live sound."""

        async def sent() -> AsyncIterator[pb.AnalyzeRequest]:
            yield live_config(live)
            async for chunk in live.chunks:
                yield pb.AnalyzeRequest(chunk=chunk)

        async with aclosing(self._call(sent(), live.kind, None)) as parts:
            async for part in parts:
                yield part

    async def _call(self, sent: Any, kind: type[AnyAnswer], timeout: float | None) -> AsyncGenerator[Part, None]:
        call = TimeAudioServiceStub(self._channel).Analyze(sent, timeout=timeout, metadata=self._metadata)
        try:
            async for response in call:
                if (part := part_of(response, self._url)) is not None:
                    yield part
                    if isinstance(part, kind):
                        return
        except grpc.RpcError as error:
            raise refusal(error, self._url) from error
        finally:
            call.cancel()
        raise _cut_off(self._url)

    async def ready(self) -> bool:
        """Return whether the server accepts requests now."""
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            health = await health_pb2_grpc.HealthStub(self._channel).Check(request, timeout=_READY_TIMEOUT_S)
        except grpc.RpcError as error:
            raise refusal(error, self._url) from error
        return bool(health.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Close the connection."""
        if self._opened is not None:
            await self._opened.close()

    @property
    def _channel(self) -> Any:
        if self._opened is None:  # on first use, because it needs a running event loop
            self._opened = _channel(grpc.aio, self._address)
        return self._opened


def _channel(library: Any, address: SplitResult) -> Any:
    """Open a channel of `grpc` or `grpc.aio`."""
    host = address.hostname or ""
    target = f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
    # A proxy cannot reach this machine.
    options = [("grpc.enable_http_proxy", 0)] if is_loopback(host) else []
    if address.scheme == "grpcs":
        return library.secure_channel(target, grpc.ssl_channel_credentials(), options)
    return library.insecure_channel(target, options)


def _cut_off(url: str) -> ServerUnreachable:
    return ServerUnreachable(f"The answer from {url} ended early. Try again.")
