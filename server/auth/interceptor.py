"""The gate for gRPC: `grpc.aio.server(interceptors=[KeyInterceptor(gate)])`.

Keys come in the metadata `authorization: Bearer KEY`. Health checks need none, like the REST probes. A refusal is a
status with details, like every other error; the trailing metadata `retry-after` repeats the seconds to wait.
"""

import inspect
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import grpc

from server.auth.rate_limiter import RateLimiter
from server.errors import RateLimited, RetryableError, Unauthorized
from server.grpc_api.call_log import CALLER, log_call
from server.grpc_api.errors import status_of
from server.telemetry.request_id import request_id
from server.telemetry.traceparent import TraceParent

OPEN = ("/grpc.health.v1.Health/",)
"""Services that need no key."""


class KeyInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Keeps each call inside the gate from its start to its end, including streams."""

    def __init__(self, gate: RateLimiter) -> None:
        self._gate = gate

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the call's handler, wrapped in the gate."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(OPEN):
            return handler
        if handler.response_streaming:
            inner = handler.unary_stream or handler.stream_stream
            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else (grpc.unary_stream_rpc_method_handler)
            )
            # A method may be a generator of messages or a coroutine that writes them.
            around = self._single if inspect.iscoroutinefunction(inner) else self._streamed
            return make(around(inner, method), handler.request_deserializer, handler.response_serializer)
        inner = handler.unary_unary or handler.stream_unary
        make = (
            grpc.stream_unary_rpc_method_handler if handler.request_streaming else (grpc.unary_unary_rpc_method_handler)
        )
        return make(self._single(inner, method), handler.request_deserializer, handler.response_serializer)

    def _single(self, inner: Callable[[Any, Any], Awaitable[Any]], method: str) -> Callable[[Any, Any], Awaitable[Any]]:
        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            async with self._inside(context, method):
                return await inner(request, context)

        return call

    def _streamed(
        self, inner: Callable[[Any, Any], AsyncIterator[Any]], method: str
    ) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def call(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with self._inside(context, method):
                async for message in inner(request, context):
                    yield message

        return call

    @asynccontextmanager
    async def _inside(self, context: grpc.aio.ServicerContext, method: str) -> AsyncIterator[None]:
        """Run a call inside the gate; refuse it before its method runs if it may not enter."""
        given = dict(context.invocation_metadata() or ())
        with ExitStack() as place:
            try:
                CALLER.set(place.enter_context(self._gate.enter(given.get("authorization"))))
            except (Unauthorized, RateLimited) as error:
                await _refuse(context, error, given, method)
            yield


async def _refuse(
    context: grpc.aio.ServicerContext, error: Unauthorized | RateLimited, given: Mapping[str, Any], method: str
) -> None:
    name, trace = request_id(given.get("x-request-id")), TraceParent.continued(given.get("traceparent"))
    status = status_of(error, name)
    trailing = [("x-request-id", name), ("traceparent", str(trace))]
    if isinstance(error, RetryableError):
        trailing.append(("retry-after", str(math.ceil(error.retry_after_s))))
    log_call(method.rpartition("/")[2], status.code, time.monotonic(), name, trace)
    await context.abort(status.code, status.details, (*status.trailing_metadata, *trailing))
