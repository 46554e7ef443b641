"""`timeaudio browse`: serve the page of an archive."""

import socket
from typing import Annotated

import typer

from timeaudio.archive.command import ArchivePath
from timeaudio.report import complain


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command(epilog="Example:  timeaudio browse events.parquet")(browse)


def browse(
    archive: ArchivePath,
    host: Annotated[str, typer.Option(help="Address to listen on. Whoever reaches it can listen to the archive.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8100,
) -> None:
    """Serve a page with the recordings and events of an ARCHIVE, to filter, play and export. Needs no model."""
    from timeaudio.extras import extra_needed

    with extra_needed("archive"):
        import uvicorn

        from timeaudio.archive.store import Archive
        from timeaudio.browse.app import create_app
        from timeaudio.browse.library import Library

        library = Library(Archive(archive))
    is_local = host in ("127.0.0.1", "localhost")
    app = create_app(library, hosts=["127.0.0.1", "localhost"] if is_local else ["*"])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"http://{shown}:{listener.getsockname()[1]}/")
        if not is_local:
            complain("Whoever reaches this address can listen to the archive.")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        server.run(sockets=[listener])
