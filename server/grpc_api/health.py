"""The service grpc.health.v1: whether the server is ready.

The library's servicer is not used: a call of its Watch lasts until the server cancels it, so one watcher made every
shutdown take the whole drain time, and when one of several watchers left, the others heard of no further change.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_LOOK_S = 0.2  # time between two readiness checks for clients that watch

_Response = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Answers for these services.

    Args:
        names: the services, "" for the server as a whole.
        is_ready: whether they are ready.
    """

    def __init__(self, names: Collection[str], is_ready: Callable[[], bool]) -> None:
        self._names = names
        self._is_ready = is_ready
        self._has_ended = False

    def end(self) -> None:
        """Report from now on that nothing is ready, and end the calls of clients that watch."""
        self._has_ended = True

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802  the contract's name
        """Return the status of a service."""
        status = self._status(request.service)
        if status == _Response.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no service {request.service!r} here.")
        return _Response(status=status)

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802  the contract's name
        """Send the status of a service, then each other status that it gets."""
        sent = None
        while True:
            status = self._status(request.service)
            if status != sent:
                await context.write(_Response(status=status))
                sent = status
            if self._has_ended:
                return
            await asyncio.sleep(_LOOK_S)

    def _status(self, name: str) -> Any:
        if name not in self._names:
            return _Response.SERVICE_UNKNOWN
        return _Response.SERVING if self._is_ready() and not self._has_ended else _Response.NOT_SERVING
