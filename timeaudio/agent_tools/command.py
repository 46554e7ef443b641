"""`timeaudio mcp`: offer recordings to programs that speak the Model Context Protocol."""

import signal
import socket
from pathlib import Path
from typing import Annotated, Final

import typer

from timeaudio.cli.options import ModelDir, ServerUrl

_EXAMPLES = """
Examples:

timeaudio mcp --root ~/recordings

timeaudio mcp --server http://127.0.0.1:8000 --allow-url https://media.example.org/

timeaudio mcp --root recordings --port 8001
"""
MAX_REQUEST_BYTES: Final = 48 * 1024 * 1024
"""The largest message over HTTP: a recording of about 35 MiB in base64, and its arguments."""


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command(epilog=_EXAMPLES)(mcp)


def mcp(
    root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="A folder whose files may be read; repeatable. Without it: the client's roots, over stdio only.",
        ),
    ] = None,
    allow_url: Annotated[
        list[str] | None,
        typer.Option(metavar="PREFIX", help="Allow addresses below this prefix, such as https://HOST/; repeatable."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Serve http://127.0.0.1:PORT/mcp (streamable HTTP) instead of standard input."
        ),
    ] = None,
    server: ServerUrl = None,
    model: ModelDir = None,
) -> None:
    """Serve four tools over the Model Context Protocol: hear, find, summarize, ask."""
    from timeaudio.agent_tools.download import checked_prefix
    from timeaudio.extras import extra_needed

    with extra_needed("mcp"):
        from timeaudio.agent_tools.backend import open_backend
        from timeaudio.agent_tools.tools import ReadPermissions, tool_server

    try:
        prefixes = [checked_prefix(text) for text in allow_url or []]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--allow-url") from error
    folders = [folder.expanduser() for folder in root or ()]  # hosts start programs without a shell
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise typer.BadParameter(f"{str(missing[0])!r} is not a folder. Check the path.", param_hint="--root")
    access = ReadPermissions(folders=folders, trusts_client=port is None, prefixes=prefixes)
    tools = tool_server(open_backend(server, model), access)
    if port is None:
        # Ctrl-C ends the process at once: Python would wait for the SDK's thread, which waits for standard input.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        tools.run("stdio")
    else:
        with socket.create_server(("127.0.0.1", port)):
            pass  # if the port is taken, the SDK's server would end with a log line and a status of its own
        tools.run("streamable-http", port=port, max_request_body_size=MAX_REQUEST_BYTES)
