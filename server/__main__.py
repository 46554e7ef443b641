"""`python -m server`: settings, engine, listener, and an end that lets running requests finish.

Imports are late: decoding processes load this module too (that is how spawn works), and need none of them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    model: Path | None = None,
    devices: Sequence[str] = ("cpu",),
    grpc_port: int | None = None,
) -> int:
    """Serve until a signal ends it, or the model is lost for good.

    Args:
        host: address to listen on.
        port: port to listen on; 0 for any free one, which the log tells.
        model: directory of a checkpoint; None for the embedded one.
        devices: what the model computes on, with one process for each of them.
        grpc_port: port to listen on for gRPC, 0 for any free one; None: no gRPC.

    Returns:
        The exit status: 0 after SIGTERM or Ctrl-C, 1 when the model cannot be loaded or brought back, or the address
        cannot be used, 2 when a setting is wrong.
    """
    from pydantic import ValidationError

    from server.listener import run
    from server.settings import Settings, misread

    try:
        settings = Settings()
    except ValidationError as error:
        print("\n".join(misread(error)), file=sys.stderr)  # noqa: T201
        return 2
    return run(settings, host=host, port=port, grpc_port=grpc_port, model=model, devices=devices)


def print_openapi() -> None:
    """Write the API's description to standard output, as tests/contract/openapi.json holds it."""
    from server.app import create_app
    from server.engine.worker_engine import WorkerEngine
    from server.settings import Settings

    app = create_app(WorkerEngine(Settings(), checkpoint=None), Settings())
    print(json.dumps(app.openapi(), indent=2, ensure_ascii=False))  # noqa: T201


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Serve TimeAudio over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free port")
    parser.add_argument("--grpc-port", type=int, help="listen for gRPC too; 0 for any free port")
    parser.add_argument("--model", type=Path, help="checkpoint directory; the embedded one without it")
    parser.add_argument("--device", "--devices", default="cpu", help="cpu, cuda, or several: cuda:0,cuda:1")
    parser.add_argument("--workers", type=int, default=1, help="processes per device")
    parser.add_argument("--openapi", action="store_true", help="print the API's description and exit")
    arguments = parser.parse_args()
    if arguments.openapi:
        print_openapi()
        return
    devices = arguments.device.split(",") * arguments.workers
    sys.exit(serve(arguments.host, arguments.port, arguments.model, devices, arguments.grpc_port))


if __name__ == "__main__":
    main()
