"""`timeaudio label-studio`: pre-annotate the tasks of Label Studio's audio projects."""

import os
from typing import Annotated, Final

import typer

from timeaudio.console import complain

TOKEN_VARIABLE: Final = "LABEL_STUDIO_API_KEY"
_EXAMPLES = """
Examples:

timeaudio label-studio --server http://127.0.0.1:8000

timeaudio label-studio --label-studio https://labels.example.org --allow-url https://media.example.org/

LABEL_STUDIO_API_KEY holds the token of a Label Studio user, TIMEAUDIO_API_KEY the API key of the server.
"""


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command(name="label-studio", epilog=_EXAMPLES)(label_studio)


def label_studio(
    server: Annotated[
        str,
        typer.Option(
            metavar="URL", help="The TimeAudio server that analyses the recordings: http://... or https://..."
        ),
    ] = "http://127.0.0.1:8000",
    label_studio: Annotated[
        str,
        typer.Option(metavar="URL", envvar="LABEL_STUDIO_URL", help="The Label Studio that holds the recordings."),
    ] = "http://localhost:8080",
    allow_url: Annotated[
        list[str] | None,
        typer.Option(metavar="PREFIX", help="Also fetch addresses below this prefix, without the token; repeatable."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Anyone who can reach it can send tasks.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 9090,
) -> None:
    """Serve a machine learning backend that pre-annotates the audio projects of Label Studio."""
    from timeaudio.extras import extra_needed

    with extra_needed("label-studio"):
        from timeaudio.agent_tools.download import checked_prefix
        from timeaudio.label_studio.annotate import Annotator, LabelStudio
        from timeaudio.label_studio.app import create_app
        from timeaudio.label_studio.media import LabelStudioAuth
        from timeaudio.local_app import serve

    token = os.environ.get(TOKEN_VARIABLE, "")
    try:
        option = "--label-studio"
        source = checked_prefix(label_studio)
        option = "--allow-url"
        prefixes = tuple(map(checked_prefix, allow_url or ()))
        option = "--server"
        annotator = Annotator(server, LabelStudio(source, LabelStudioAuth(source, token), prefixes))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
    if not token:
        complain(f"{TOKEN_VARIABLE} is not set: recordings that were uploaded to Label Studio cannot be fetched.")
    serve(
        lambda hosts: create_app(annotator, hosts=hosts), host, port,
        warning="Anyone who can reach this address can have recordings of Label Studio analysed.",
    )  # fmt: skip
