"""`timeaudio browse`: serve the page of an archive."""

from typing import Annotated

import typer

from timeaudio.archive.command import ArchivePath


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command(epilog="Example:  timeaudio browse events.parquet")(browse)


def browse(
    archive: ArchivePath,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Anyone who can reach it can listen to the archive.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8100,
) -> None:
    """Serve a page with the recordings and events of an ARCHIVE, to filter, play and export. Needs no model."""
    from timeaudio.extras import extra_needed

    with extra_needed("archive"):
        from timeaudio.archive.store import Archive
        from timeaudio.browse.app import create_app
        from timeaudio.browse.library import Library
        from timeaudio.local_app import serve

        library = Library(Archive(archive))
    serve(
        lambda hosts: create_app(library, hosts=hosts), host, port,
        warning="Anyone who can reach this address can listen to the archive.",
    )  # fmt: skip
