"""`python -m server.worker`: load a checkpoint, serve on a Unix socket, and exit when the parent process does."""

import argparse
import asyncio
import importlib
import os
import signal
from pathlib import Path

import grpc

from server.pb.timeaudio.worker.v1 import worker_pb2_grpc
from server.runtime.parent_death import die_with_parent
from server.telemetry import tracing
from server.telemetry.logs import set_up
from server.worker.service import WorkerService
from server.workers.process import MESSAGE_OPTIONS


async def serve(arguments: argparse.Namespace) -> None:
    """Listen first, so that the supervisor can poll while the checkpoint loads; then load; then serve until killed."""
    service = WorkerService()
    server = grpc.aio.server(options=MESSAGE_OPTIONS)
    worker_pb2_grpc.add_WorkerServiceServicer_to_server(service, server)
    server.add_insecure_port(f"unix:{arguments.socket}")
    await server.start()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _end)
    options = {"checkpoint": arguments.checkpoint, "device": arguments.device}
    options |= {"num_slots": arguments.slots or None, "slot_tokens": arguments.slot_tokens}
    options |= {"most_beams": arguments.most_beams}
    if arguments.quantize is not None:
        options["quantize"] = arguments.quantize
    await service.load(lambda: importlib.import_module(arguments.pipeline), **options)
    await server.wait_for_termination()


def _end() -> None:
    """Send the last spans, and exit as if the signal had not been caught."""
    tracing.end()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m server.worker", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint directory; default: the embedded one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="compute threads; 0: one per core")
    parser.add_argument("--quantize", choices=("int8", "int4"), help="quantize the language model's weights")
    parser.add_argument("--slots", type=int, default=0, help="answers decoded at once; 0: as many as memory allows")
    parser.add_argument("--slot-tokens", type=int, default=1024, help="tokens of a prompt and its answer together")
    parser.add_argument("--most-beams", type=int, default=8, help="widest beam search")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--parent", type=int, help="process ID of the parent; this process exits when it does")
    parser.add_argument("--pipeline", default="model.pipeline", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    set_up(arguments.log_format)
    tracing.start("worker")
    if arguments.parent is not None:
        die_with_parent(arguments.parent)
    if arguments.threads:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # read when torch is imported
    asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()
