"""Serve a Starlette application from a command, and its errors: what `browse` and `label-studio` share."""

import socket
from collections.abc import Callable, Mapping, Sequence

import typer
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response

from timeaudio.console import complain

_LOCAL = ("127.0.0.1", "localhost")


def serve(create: Callable[[Sequence[str]], Starlette], host: str, port: int, *, warning: str) -> None:
    """Print the address and serve until a signal. `warning` is printed if other machines can connect.

    `create` makes the application from the host names that requests may use; `*` allows any. With a fixed list, a page
    of another site whose name is rebound to this machine (DNS rebinding) can read nothing.
    """
    is_local = host in _LOCAL
    app = create(_LOCAL if is_local else ("*",))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"http://{shown}:{listener.getsockname()[1]}/")
        if not is_local:
            complain(warning)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as `application/problem+json` (RFC 9457)."""
    return JSONResponse({"status": status, "detail": detail}, status, headers, media_type="application/problem+json")


def described(error: ValidationError) -> str:
    """Return every fault of a request, each after the name of its field, if it is one of a field."""
    faults = ((".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors())
    return "; ".join(f"{field}: {message}" if field else message for field, message in faults)
