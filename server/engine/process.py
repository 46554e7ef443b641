"""One worker process: started by spawn, reached over a Unix socket, stopped for certain."""

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
"""Both ends are ours, and what is sent was bounded at admission."""

SENT_AT_ONCE = 2
"""Requests on their way to one worker at a time: one is read while another is sent."""

_ANALYZE = "/timeaudio.worker.v1.WorkerService/Analyze"
_POLL_S = 0.05
_TERM_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCommand:
    """How to start a worker."""

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
        """The command line, for this interpreter."""
        line = [sys.executable, "-m", "server.worker", "--socket", str(socket), "--parent", str(os.getpid())]
        device = "cuda" if self.device.startswith("cuda") else self.device  # it sees no other, see `environment`
        line += ["--device", device, "--threads", str(self.threads), "--pipeline", self.pipeline]
        line += ["--slots", str(self.slots), "--slot-tokens", str(self.slot_tokens)]
        line += ["--most-beams", str(self.most_beams), "--log-format", self.log_format]
        if self.checkpoint is not None:
            line += ["--checkpoint", str(self.checkpoint)]
        if self.quantize is not None:
            line += ["--quantize", self.quantize]
        return line

    def environment(self) -> dict[str, str]:
        """Its environment: of several GPUs it sees its own alone, so that nothing lands on another by mistake."""
        kind, _, number = self.device.partition(":")
        if kind != "cuda" or not number:
            return dict(os.environ)
        seen = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        own = seen[int(number)] if int(number) < len(seen) else number
        return dict(os.environ) | {"CUDA_VISIBLE_DEVICES": own}


class WorkerProcess:
    """A running worker.

    Attributes:
        stub: its gRPC methods, but for the next.
        analyze: its method that takes samples. It is called with a list of one request as bytes and takes it out of the
            list: the stub's calls keep the message that they were called with for as long as they live.
        sending: held by whoever reads samples and sends them.
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
        """Start it. Returns before it listens."""
        # Never forked: gRPC and CUDA do not survive it. In a session of its own, a Ctrl-C in the terminal reaches the
        # front end alone, which then lets running requests finish.
        process = await asyncio.create_subprocess_exec(
            *command.arguments(socket), env=command.environment(), start_new_session=True
        )
        return cls(process, socket)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def num_victims(self, num_inside: int) -> int:
        """How many requests it held when the first of them saw it dead: told by that one, and kept for the others."""
        self._num_victims = max(self._num_victims, num_inside)
        return self._num_victims

    async def ready(self) -> pb.StatusResponse:
        """Wait until the model is loaded. Never returns where the process dies first: race it against `exited`.

        Raises:
            TimeAudioError: the checkpoint cannot be loaded.
        """
        while True:
            # UNAVAILABLE: it does not listen yet.
            with contextlib.suppress(grpc.aio.AioRpcError):
                status: pb.StatusResponse = await self.stub.Status(pb.StatusRequest(), timeout=10.0)
                if status.state == pb.STATE_FAILED:
                    raise revive(status.failed.error, status.failed.message)
                if status.state == pb.STATE_READY:
                    return status
            await asyncio.sleep(_POLL_S)

    async def exited(self) -> int:
        """Wait for its end: the exit status, negative for a signal."""
        return await self._process.wait()

    def kill(self) -> None:
        """End it at once; `exited` then returns."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """End it, kindly and then for certain, and close the channel."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _TERM_S)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        # With grace: closing at once would cancel the calls in flight, which are to see that the worker is gone.
        await self._channel.close(grace=2.0)
