"""API keys in front of a real gRPC server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry

from server.auth.interceptor import KeyInterceptor
from server.auth.keys import digest
from server.auth.rate_limiter import RateLimiter

KEY = (("authorization", "Bearer right"),)


async def single(request: bytes, context: Any) -> bytes:
    return request


async def several(request: bytes, context: Any) -> AsyncIterator[bytes]:
    yield request
    yield request


async def each(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


async def written(requests: AsyncIterator[bytes], context: Any) -> None:
    async for request in requests:
        await context.write(request)


async def last(requests: AsyncIterator[bytes], context: Any) -> bytes:
    found = b""
    async for request in requests:
        found = request
    return found


METHODS = {
    "Single": grpc.unary_unary_rpc_method_handler(single),
    "Several": grpc.unary_stream_rpc_method_handler(several),
    "Each": grpc.stream_stream_rpc_method_handler(each),
    "Written": grpc.stream_stream_rpc_method_handler(written),
    "Last": grpc.stream_unary_rpc_method_handler(last),
}


async def collected(call: Any) -> list[bytes]:
    return [message async for message in call]


async def check_calls(path: Path) -> None:
    gate = RateLimiter(path, CollectorRegistry())
    server = grpc.aio.server(interceptors=[KeyInterceptor(gate)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", METHODS),))
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            checked = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert checked.status == health_pb2.HealthCheckResponse.SERVING

            for metadata in (None, (("authorization", "Bearer wrong"),)):
                for call in (
                    channel.unary_unary("/test.Echo/Single")(b"a", metadata=metadata),
                    collected(channel.unary_stream("/test.Echo/Several")(b"a", metadata=metadata)),
                    collected(channel.stream_stream("/test.Echo/Each")(iter([b"a"]), metadata=metadata)),
                    collected(channel.stream_stream("/test.Echo/Written")(iter([b"a"]), metadata=metadata)),
                    channel.stream_unary("/test.Echo/Last")(iter([b"a"]), metadata=metadata),
                ):
                    with pytest.raises(grpc.aio.AioRpcError) as refused:
                        await call
                    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED

            assert await channel.unary_unary("/test.Echo/Single")(b"a", metadata=KEY) == b"a"
            assert await collected(channel.unary_stream("/test.Echo/Several")(b"a", metadata=KEY)) == [b"a", b"a"]
            for name in ("Each", "Written"):
                call = channel.stream_stream(f"/test.Echo/{name}")(iter([b"a", b"b"]), metadata=KEY)
                assert await collected(call) == [b"a", b"b"]
            assert await channel.stream_unary("/test.Echo/Last")(iter([b"a", b"b"]), metadata=KEY) == b"b"

            # A stream occupies its caller's only place until it ends.
            held = channel.stream_stream("/test.Echo/Each")(metadata=KEY)
            await held.write(b"a")
            assert await held.read() == b"a"
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary("/test.Echo/Single")(b"a", metadata=KEY)
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert dict(refused.value.trailing_metadata() or ())["retry-after"] == "1"
            await held.done_writing()
            assert await held.read() is grpc.aio.EOF
            assert await channel.unary_unary("/test.Echo/Single")(b"a", metadata=KEY) == b"a"
    finally:
        await server.stop(None)


def test_every_kind_of_call_requires_a_key_except_health(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f"[one]\nsha256 = ['{digest('right')}']\nconcurrent = 1\n")
    asyncio.run(check_calls(path))
