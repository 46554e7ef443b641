"""`python -m server`: parse the command line, read the settings and serve.

The imports are inside functions: spawned decoding processes load this module too and need none of them.
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
    """Serve until a signal arrives or the model is lost for good.

    Args:
        host: address to listen on.
        port: port to listen on; 0 picks any free port, and the log shows it.
        model: directory of a checkpoint, or its name on the hub; None for the embedded one.
        devices: devices that the model runs on, one worker process each.
        grpc_port: port to listen on for gRPC; 0 picks any free port, None disables gRPC.

    Returns:
        The exit status: 0 after SIGTERM or Ctrl-C, 1 when the model cannot be loaded or restarted, or the
        address cannot be used, 2 when a setting is invalid.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from server.runtime.http_server import run
    from server.settings import Settings, misread, misspelt

    try:
        settings = Settings()
    except (ValidationError, SettingsError) as error:
        print("\n".join(misread(error)), file=sys.stderr)  # noqa: T201
        return 2
    for warning in misspelt():
        print(f"Warning: {warning}", file=sys.stderr)  # noqa: T201
    return run(settings, host=host, port=port, grpc_port=grpc_port, model=model, devices=devices)


def print_openapi() -> None:
    """Print the OpenAPI document, in the format of tests/contract/openapi.json."""
    from server.app import create_app
    from server.settings import Settings
    from server.workers.worker_pool import WorkerPool

    app = create_app(WorkerPool(Settings(), checkpoint=None), Settings())
    print(json.dumps(app.openapi(), indent=2, ensure_ascii=False))  # noqa: T201


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Serve TimeAudio over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free port")
    parser.add_argument("--grpc-port", type=int, help="also listen for gRPC; 0 for any free port")
    parser.add_argument("--model", type=Path, help="checkpoint directory, or ORG/NAME on the hub; default: embedded")
    parser.add_argument("--device", "--devices", default="cpu", help="cpu, cuda, or several: cuda:0,cuda:1")
    parser.add_argument("--workers", type=int, default=1, help="worker processes per device, each with its own model")
    parser.add_argument("--openapi", action="store_true", help="print the OpenAPI document and exit")
    arguments = parser.parse_args()
    if arguments.openapi:
        print_openapi()
        return
    if arguments.workers < 1:
        parser.error("--workers must be at least 1")
    devices = arguments.device.split(",") * arguments.workers
    sys.exit(serve(arguments.host, arguments.port, arguments.model, devices, arguments.grpc_port))


if __name__ == "__main__":
    main()
