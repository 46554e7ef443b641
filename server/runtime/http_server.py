"""The HTTP listener: uvicorn with a graceful shutdown."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from model.errors import CheckpointError
from model.hub import fetch_checkpoint
from model.malloc import return_large_blocks
from server.app import create_app
from server.grpc_api.server import GrpcServer, check_free
from server.inference.service import Service
from server.settings import Settings
from server.telemetry import tracing
from server.telemetry.logs import set_up
from server.workers.worker_pool import WorkerPool

_log = logging.getLogger(__name__)

_LAST_REQUESTS_S = 0.2
"""Seconds to read and answer requests on connections that were made before the port closed."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class HttpServer(uvicorn.Server):
    """A uvicorn server that, on a signal, refuses new requests, answers the running ones and exits with status 0."""

    def __init__(self, config: uvicorn.Config, service: Service, front: GrpcServer | None, settings: Settings) -> None:
        super().__init__(config)
        self._service = service
        self._front = front
        self._settings = settings
        self._ending: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Serve until `should_exit`."""
        self._loop = asyncio.get_running_loop()
        await super().serve()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, serve the connections that already exist, and shut down as uvicorn does.

        uvicorn alone drops connections that wait in the kernel and those whose request it has not read yet.
        """
        for server in self.servers:
            ports = [port.dup() for port in server.sockets]
            server.close()
            for port in ports:
                await self._take_waiting(port)
        await asyncio.sleep(_LAST_REQUESTS_S)
        await super().shutdown(sockets)

    async def _take_waiting(self, port: socket.socket) -> None:
        """Accept all connections that wait at a port, then close it."""
        taken = []
        with port, contextlib.suppress(BlockingIOError):
            port.setblocking(False)
            while True:
                taken.append(port.accept()[0])
        for connection in taken:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn makes its own
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replace uvicorn's handlers, which raise the signal again: a graceful shutdown would exit with status 143."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Report not ready, then drain after the delay; on a second signal exit at once."""
        if self._service.draining:
            self.should_exit = self.force_exit = True
            return
        self._service.draining = True
        assert self._loop is not None, "signals are captured while serving"
        self._loop.call_soon_threadsafe(self._loop.call_later, self._settings.drain_delay_s, self._exit)

    def _exit(self) -> None:
        self._service.closed = True
        self.should_exit = True
        # Both drain at the same time; the lifespan waits for gRPC.
        if self._front is not None and self._loop is not None:
            self._ending = self._loop.create_task(self._front.stop(self._settings.drain_s))


def run(
    settings: Settings, *, host: str, port: int, grpc_port: int | None, model: Path | None, devices: Sequence[str]
) -> int:
    """Serve until shutdown and return the exit status, see `server.__main__.serve`."""
    set_up(settings.log_format)
    tracing.start("front end")
    return_large_blocks()
    try:  # once, before the workers start: a download would exceed their `startup_timeout_s`
        checkpoint = None if model is None else fetch_checkpoint(model)
    except CheckpointError as error:
        _log.error("%s", error)
        return 1
    engine = WorkerPool(settings, checkpoint=checkpoint, devices=devices)
    if grpc_port is not None:
        try:
            check_free(host, grpc_port)
        except OSError as error:
            _log.error("gRPC cannot listen on %s, port %d: %s.", host, grpc_port, error.strerror or error)
            return 1
    address = None if grpc_port is None else f"[{host}]:{grpc_port}" if ":" in host else f"{host}:{grpc_port}"
    app = create_app(engine, settings, grpc_address=address)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )
    listener = HttpServer(config, app.state.service, app.state.grpc, settings)
    why = ""

    def fail() -> None:
        nonlocal why
        why = engine.state
        listener.should_exit = True

    engine.on_failure = fail
    try:
        asyncio.run(listener.serve())
    except SystemExit as exit_:  # uvicorn, when it cannot use the address
        return 1 if exit_.code else 0
    finally:
        tracing.end()
    if why:
        _log.error("The server is exiting. %s", why)
    return int(bool(why))
