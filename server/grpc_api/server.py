"""The gRPC listener: methods, health and reflection, on the event loop of the HTTP listener."""

import logging
import socket
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from server.auth.interceptor import KeyInterceptor
from server.auth.rate_limiter import RateLimiter
from server.grpc_api.health import HealthServicer
from server.grpc_api.methods import TimeAudioServicer
from server.inference.service import Service
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import add_TimeAudioServiceServicer_to_server

_log = logging.getLogger(__name__)

NAME = pb.DESCRIPTOR.services_by_name["TimeAudioService"].full_name
_OVERHEAD = 1024 * 1024  # for the other fields, and so that our own error, not gRPC's, reports files over the limit

_FLOW_CONTROL = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1 << 20)]
"""Read each call at most 1 MiB ahead of its method. By default gRPC sizes this window by round-trip times, which are
long on a busy machine: it then buffered 100 MB from a caller that should have been blocked."""


class GrpcServer:
    """A gRPC server over a service, which the caller starts and closes.

    Args:
        service: answers the calls.
        address: host and port; port 0 selects any free one.
        gate: checks API keys; None: no key is required.
    """

    def __init__(self, service: Service, address: str, gate: RateLimiter | None = None) -> None:
        self._service = service
        self._interceptors = [] if gate is None else [KeyInterceptor(gate)]
        self._address = address
        self._server: Any = None
        self._health = HealthServicer(("", NAME), lambda: service.ready)

    async def start(self) -> int:
        """Start listening and return the port.

        Raises:
            OSError: the address cannot be used.
        """
        limit = self._service.settings.limits.json_bytes + _OVERHEAD
        options = [("grpc.max_receive_message_length", limit), ("grpc.so_reuseport", 0), *_FLOW_CONTROL]
        server = grpc.aio.server(options=options, interceptors=self._interceptors)  # here, where the event loop runs
        add_TimeAudioServiceServicer_to_server(TimeAudioServicer(self._service), server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        try:
            port = int(server.add_insecure_port(self._address))
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {self._address}: {error}") from None
        await server.start()
        self._server = server
        _log.info("gRPC listens on port %d.", port)
        return port

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls; return when the running ones have ended, or were cancelled after `grace_s` seconds."""
        if self._server is None:
            return
        self._health.end()
        await self._server.stop(grace_s)


def check_free(host: str, port: int) -> None:
    """Raise OSError if the address cannot be bound: gRPC's own error is less clear."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
