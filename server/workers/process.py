"""One worker process: spawned, reached over a Unix socket, and reliably stopped."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from server.errors import revive
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.pb.timeaudio.worker.v1 import worker_pb2_grpc

MESSAGE_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
"""No limits: both ends are ours, and admission already bounds the size of requests."""

SENT_AT_ONCE = 2
"""Requests in transit to one worker at a time: one is read while another is sent."""

_ANALYZE = "/timeaudio.worker.v1.WorkerService/Analyze"
_POLL_S = 0.05
_TERM_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCommand:
    """The configuration of a worker process."""

    checkpoint: Path | None
    device: str
    threads: int
    slots: int
    slot_tokens: int
    most_beams: int
    pipeline: str
    quantize: str | None = None
    log_format: str = "text"

    def arguments(self, socket: Path) -> list[str]:
        """Return the command line, with this interpreter."""
        line = [sys.executable, "-m", "server.worker", "--socket", str(socket), "--parent", str(os.getpid())]
        device = "cuda" if self.device.startswith("cuda") else self.device  # its only visible GPU, see `environment`
        line += ["--device", device, "--threads", str(self.threads), "--pipeline", self.pipeline]
        line += ["--slots", str(self.slots), "--slot-tokens", str(self.slot_tokens)]
        line += ["--most-beams", str(self.most_beams), "--log-format", self.log_format]
        if self.checkpoint is not None:
            line += ["--checkpoint", str(self.checkpoint)]
        if self.quantize is not None:
            line += ["--quantize", self.quantize]
        return line

    def environment(self) -> dict[str, str]:
        """Return its environment. With several GPUs, the worker sees only its own and cannot use another by mistake."""
        kind, _, number = self.device.partition(":")
        if kind != "cuda" or not number:
            return dict(os.environ)
        seen = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        own = seen[int(number)] if int(number) < len(seen) else number
        return dict(os.environ) | {"CUDA_VISIBLE_DEVICES": own}


class WorkerProcess:
    """A running worker.

    Attributes:
        stub: its gRPC methods, except `analyze`.
        analyze: the method that takes samples. Its argument is a list with one serialized request, which it pops: a
            call through the stub would keep its message in memory until the call ends.
        sending: held while samples are read and sent.
    """

    def __init__(self, process: asyncio.subprocess.Process, socket: Path) -> None:
        self._process = process
        self._num_victims = 0
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=MESSAGE_OPTIONS)
        self.stub = worker_pb2_grpc.WorkerServiceStub(self._channel)
        self.analyze: Callable[..., Any] = self._channel.unary_stream(
            _ANALYZE, request_serializer=list.pop, response_deserializer=pb.AnalyzeResponse.FromString
        )
        self.sending = asyncio.Semaphore(SENT_AT_ONCE)

    @classmethod
    async def start(cls, command: WorkerCommand, socket: Path) -> "WorkerProcess":
        """Start the process. Returns before it listens."""
        # Never forked: gRPC and CUDA do not survive a fork. With a new session, a Ctrl-C in the terminal reaches only
        # the front end, which then lets running requests finish.
        process = await asyncio.create_subprocess_exec(
            *command.arguments(socket), env=command.environment(), start_new_session=True
        )
        return cls(process, socket)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def num_victims(self, num_inside: int) -> int:
        """Return how many requests the worker held when it died: the largest `num_inside` of all calls."""
        self._num_victims = max(self._num_victims, num_inside)
        return self._num_victims

    async def status(self, timeout_s: float) -> pb.StatusResponse:
        """Ask for the status. gRPC's own deadline is a date, so it would pass early or late when the date changes.

        Raises:
            TimeoutError: there was no answer in time.
            grpc.aio.AioRpcError: the connection failed.
        """
        async with asyncio.timeout(timeout_s):
            status: pb.StatusResponse = await self.stub.Status(pb.StatusRequest())
        return status

    async def ready(self) -> pb.StatusResponse:
        """Wait until the model is loaded. Never returns if the process dies first: race it against `exited`.

        Raises:
            TimeAudioError: the checkpoint cannot be loaded.
        """
        while True:
            # UNAVAILABLE: it is not listening yet.
            with contextlib.suppress(grpc.aio.AioRpcError, TimeoutError):
                status = await self.status(10.0)
                if status.state == pb.STATE_FAILED:
                    raise revive(status.failed.error, status.failed.message)
                if status.state == pb.STATE_READY:
                    return status
            await asyncio.sleep(_POLL_S)

    async def exited(self) -> int:
        """Wait for the process to exit and return its status, negative for a signal."""
        return await self._process.wait()

    def kill(self) -> None:
        """Kill the process immediately; `exited` then returns."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """Terminate the process, kill it if it does not exit, and close the channel."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _TERM_S)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        # A grace period: closing immediately would cancel the calls in flight, which must see that the worker is gone.
        await self._channel.close(grace=2.0)
