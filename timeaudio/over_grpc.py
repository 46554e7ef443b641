"""The gRPC transport: calls the method Analyze and sends the recording in chunks.

Needs the extra `grpc`; only this module and `timeaudio.rpc_messages` import it.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from contextlib import aclosing
from itertools import chain
from typing import Any, Final
from urllib.parse import SplitResult

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from timeaudio.address import is_loopback
from timeaudio.connections import AsyncConnections, Connections
from timeaudio.errors import ServerUnreachable
from timeaudio.requests import A, AudioRequest, LiveRequest, Part
from timeaudio.results import AnyAnswer
from timeaudio.rpc_messages import live_chunk, live_config, part_of, refusal, requests
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub
from timeaudio.watched import AsyncWatched, Watched

_READY_TIMEOUT_S: Final = 5.0
_AIO_OWNER: Final[dict[str, int]] = {}
"""The process that first used grpc.aio: this one, or one that it was forked from."""
_SERVICE: Final = pb.DESCRIPTOR.services_by_name["TimeAudioService"].full_name


class GrpcTransport:
    """See `timeaudio.requests.Transport`. Units: `timeout` is seconds for a whole call."""

    def __init__(self, address: SplitResult, timeout: float, headers: Mapping[str, str]) -> None:
        self._url = address.geturl()
        self._timeout = timeout
        self._metadata = tuple(headers.items())
        self._channels = Connections(lambda: _channel(grpc, address))

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
        chunks = (live_chunk(chunk) for chunk in live.chunks)
        yield from self._call(chain([live_config(live)], chunks), live.kind, None)

    def _call(
        self, source: Iterator[pb.AnalyzeRequest], kind: type[AnyAnswer], timeout: float | None
    ) -> Iterator[Part]:
        sent = Watched(source)
        call = TimeAudioServiceStub(self._channels.here()).Analyze(sent, timeout=timeout, metadata=self._metadata)
        sent.belongs_to(call)
        try:
            for response in call:
                if (part := part_of(response, self._url)) is not None:
                    yield part
                    if isinstance(part, kind):
                        return
        except grpc.RpcError as error:
            if sent.error is None:
                raise refusal(error, self._url) from error
        finally:
            call.cancel()
        raise sent.error or _cut_off(self._url)

    def ready(self) -> bool:
        """Return whether the server accepts requests now."""
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            health = health_pb2_grpc.HealthStub(self._channels.here()).Check(request, timeout=_READY_TIMEOUT_S)
        except grpc.RpcError as error:
            raise refusal(error, self._url) from error
        return bool(health.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """Close the connection."""
        if (channel := self._channels.taken()) is not None:
            channel.close()


class AsyncGrpcTransport:
    """See `timeaudio.requests.AsyncTransport`. For asyncio."""

    def __init__(self, address: SplitResult, timeout: float, headers: Mapping[str, str]) -> None:
        self._url = address.geturl()
        self._timeout = timeout
        self._metadata = tuple(headers.items())
        self._channels = AsyncConnections(lambda: _async_channel(address), lambda channel: channel.close())

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
                yield live_chunk(chunk)

        async with aclosing(self._call(sent(), live.kind, None)) as parts:
            async for part in parts:
                yield part

    async def _call(
        self,
        source: Iterator[pb.AnalyzeRequest] | AsyncIterator[pb.AnalyzeRequest],
        kind: type[AnyAnswer],
        timeout: float | None,
    ) -> AsyncGenerator[Part, None]:
        sent = AsyncWatched(source)
        call = TimeAudioServiceStub(await self._channels.here()).Analyze(sent, timeout=timeout, metadata=self._metadata)
        sent.belongs_to(call)
        status = _FirstStatus(call)
        try:
            async for response in call:
                if (part := part_of(response, self._url)) is not None:
                    yield part
                    if isinstance(part, kind):
                        return
        except asyncio.CancelledError:
            if sent.error is None or _is_cancelled():
                raise
        except grpc.RpcError as error:
            if sent.error is None:
                raise refusal(status.error or error, self._url) from error
        finally:
            call.cancel()
        raise sent.error or _cut_off(self._url)

    async def ready(self) -> bool:
        """Return whether the server accepts requests now."""
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            health = await health_pb2_grpc.HealthStub(await self._channels.here()).Check(
                request, timeout=_READY_TIMEOUT_S
            )
        except grpc.RpcError as error:
            raise refusal(error, self._url) from error
        return bool(health.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Close the connection."""
        await self._channels.close()


def _async_channel(address: SplitResult) -> Any:
    """Open a channel of grpc.aio.

    Raises:
        ServerUnreachable: this process was forked from one that used grpc.aio, whose thread is missing here. A call
            would wait forever.
    """
    owner = _AIO_OWNER.setdefault("process", os.getpid())
    if owner != os.getpid():
        raise ServerUnreachable(
            "Asynchronous gRPC does not work in a process that was forked after its first use. Use an http:// address "
            "or the synchronous Client there, or start the process with 'spawn'."
        )
    return _channel(grpc.aio, address)


def _channel(library: Any, address: SplitResult) -> Any:
    """Open a channel of `grpc` or `grpc.aio`."""
    host = address.hostname or ""
    target = f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
    options = [
        ("grpc.use_local_subchannel_pool", 1),  # otherwise a forked process shares its parent's connection
        ("grpc.max_receive_message_length", -1),  # embeddings of a thousand events are more than the default, 4 MiB
    ]
    if is_loopback(host):
        options.append(("grpc.enable_http_proxy", 0))  # a proxy cannot reach this machine
    if address.scheme == "grpcs":
        return library.secure_channel(target, grpc.ssl_channel_credentials(), options)
    return library.insecure_channel(target, options)


class _FirstStatus:
    """The status with which the server ended a call.

    If it comes while the recording is being sent, grpc.aio replaces it by INTERNAL: the next write fails.
    Source: https://github.com/grpc/grpc/issues/36066

    Attributes:
        error: the status, if it is an error; None before it is known.
    """

    def __init__(self, call: Any) -> None:
        self.error: grpc.aio.AioRpcError | None = None
        call.add_done_callback(self._keep)

    def _keep(self, call: Any) -> None:
        code, details, trailing = map(_result, (call.code(), call.details(), call.trailing_metadata()))
        if self.error is None and code is not grpc.StatusCode.OK:
            self.error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details)


def _result(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("The status of a call that is done is known.")


def _is_cancelled() -> bool:
    """Return whether the running task was cancelled, rather than the call."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _cut_off(url: str) -> ServerUnreachable:
    return ServerUnreachable(f"The answer from {url} ended early. Try again.")
