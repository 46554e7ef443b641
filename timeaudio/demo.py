"""`timeaudio demo`: the real server on a free port, two bundled recordings, and what it hears in them."""

import importlib.util
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from rich.console import Console

from timeaudio.client import Client
from timeaudio.errors import LocalModelError
from timeaudio.report import print_answer
from timeaudio.server_process import ServerProcess

NUM_RECORDINGS = 2
MANIFEST = "recordings.json"
DEFAULT_QUERIES = ("a dog barks", "a helicopter")


@dataclass(frozen=True, slots=True)
class Bundled:
    """A recording that ships with the server. `credit` names its author and licence."""

    file: Traversable
    queries: tuple[str, ...]
    credit: str


def run_demo(model: Path | None) -> None:
    """Shows the whole path from files to intervals; `model` is a checkpoint directory, None the embedded one.

    Raises:
        LocalModelError: the server extra or the recordings are missing, or the server did not start.
        ClientError: the server refused a recording.
    """
    console = Console(highlight=False)
    recordings = bundled_recordings()[:NUM_RECORDINGS]
    if importlib.util.find_spec("torch") is None:
        raise LocalModelError("The demo runs a server here and needs torch: pip install 'timeaudio[server]'")
    if not recordings:
        raise LocalModelError("The bundled recordings are missing: install the whole package again.")
    started = time.perf_counter()
    with ServerProcess(model) as server:
        console.print(f"[1/4] Starting a server on {server.url} with {model or 'the embedded checkpoint'}.")
        console.print(f"      {server.shown}", style="dim", soft_wrap=True)
        server.wait_ready(lambda waited_s: console.print(f"      still loading the model ({waited_s:.0f} s)"))
        console.print(f"      Ready after {time.perf_counter() - started:.1f} s.\n")
        with Client(server.url) as client, ExitStack() as stack:
            paths = [stack.enter_context(as_file(recording.file)) for recording in recordings]
            _caption(console, client, recordings, paths)
            _ground(console, client, recordings, paths)
        console.print("[4/4] Stopping the server.")
    console.print(f"      Done in {time.perf_counter() - started:.1f} s.\n")
    console.print("Next, on recordings of your own:  timeaudio caption FILE   or   timeaudio serve")


def bundled_recordings() -> list[Bundled]:
    """The recordings that ship with the server, in the order of their names, with what to ask about them."""
    folder = files("server") / "recordings"
    if not folder.is_dir():
        return []
    manifest = folder / MANIFEST
    known = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    return [
        Bundled(
            file=file,
            queries=tuple(known.get(file.name, {}).get("queries", DEFAULT_QUERIES)),
            credit=known.get(file.name, {}).get("credit", ""),
        )
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if file.name.endswith(".flac")
    ]


def _caption(console: Console, client: Client, recordings: Sequence[Bundled], paths: Sequence[Path]) -> None:
    console.print("[2/4] What happens, and when: POST /v1/dense-caption\n")
    for recording, path in zip(recordings, paths, strict=True):
        print_answer(console, client.dense_caption(path), name=path.name)
        if recording.credit:
            console.print(f"{recording.credit}\n", style="dim")


def _ground(console: Console, client: Client, recordings: Sequence[Bundled], paths: Sequence[Path]) -> None:
    console.print("[3/4] When do these happen? POST /v1/ground\n")
    for recording, path in zip(recordings, paths, strict=True):
        print_answer(console, client.ground(path, recording.queries), name=path.name)
