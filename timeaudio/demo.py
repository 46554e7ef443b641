"""`timeaudio demo`: start the real server on a free port and send it two bundled recordings."""

import importlib.util
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from rich.console import Console

from timeaudio.client import Client
from timeaudio.errors import LocalModelError
from timeaudio.extras import how_to_install
from timeaudio.local import fetched
from timeaudio.report import print_answer
from timeaudio.server_process import ServerProcess

QUERIES = ("a dog barks", "a rooster crows")
"""Each happens in one of the two recordings, so that each is also absent once."""


def run_demo(model: Path | None) -> None:
    """Show the whole path from files to intervals. `model` is a directory or ORG/NAME; None is the embedded one.

    Raises:
        LocalModelError: the server extra is not installed, or the server did not start.
        ClientError: the server refused a recording.
    """
    if importlib.util.find_spec("torch") is None:
        raise LocalModelError(f"The demo runs a server here and needs torch. Run: {how_to_install('server')}")
    directory = fetched(model)
    console = Console(highlight=False)
    started = time.perf_counter()
    with ExitStack() as stack:
        recordings = [stack.enter_context(as_file(file)) for file in _bundled()]
        server = stack.enter_context(ServerProcess(directory))
        console.print(f"[1/4] Starting a server on {server.url} with {model or 'the embedded checkpoint'}.")
        console.print(f"      {server.shown}", style="dim", soft_wrap=True)
        server.wait_ready(lambda waited_s: console.print(f"      still loading the model ({waited_s:.0f} s)"))
        console.print(f"      Ready after {time.perf_counter() - started:.1f} s.\n")
        client = stack.enter_context(Client(server.url))
        _caption(console, client, recordings)
        _ground(console, client, recordings)
        console.print("[4/4] Stopping the server.")
    console.print(f"      Done in {time.perf_counter() - started:.1f} s.\n")
    console.print("The recordings are CC0; server/recordings/ATTRIBUTION.md names their authors.")
    console.print("Next, with your own recordings:  timeaudio caption FILE   or   timeaudio serve")


def _bundled() -> list[Traversable]:
    """Return the recordings that ship with the server, sorted by name."""
    folder = files("server") / "recordings"
    return sorted((file for file in folder.iterdir() if file.name.endswith(".flac")), key=lambda file: file.name)


def _caption(console: Console, client: Client, recordings: Sequence[Path]) -> None:
    console.print("[2/4] What happens, and when? POST /v1/dense-caption\n")
    for path in recordings:
        print_answer(console, client.dense_caption(path), name=path.name)


def _ground(console: Console, client: Client, recordings: Sequence[Path]) -> None:
    console.print("[3/4] When do these sounds happen, if at all? POST /v1/ground\n")
    for path in recordings:
        print_answer(console, client.ground(path, QUERIES), name=path.name)
