"""Asking about files one after the other, and telling what came of each: the body of `caption` and `ground`."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import typer
from rich.console import Console

from timeaudio.client import Client
from timeaudio.errors import ClientError
from timeaudio.report import complain, print_answer
from timeaudio.results import DenseCaption, Grounding

Ask = Callable[[Path], DenseCaption | Grounding]


class Listener(Protocol):
    """Who answers: a server through Client, or the model in this process."""

    def dense_caption(self, audio: Path, /) -> DenseCaption:
        """Every event of a recording."""
        ...

    def ground(self, audio: Path, queries: Sequence[str], /) -> Grounding:
        """Where each query happens."""
        ...


@contextmanager
def open_listener(*, server: str | None, model: Path | None) -> Iterator[Listener]:
    """The server at an address, or a model loaded here: `model`, or the embedded one.

    Raises:
        typer.BadParameter: the address is none, or both were named.
        LocalModelError: no model can run here.
    """
    if server is None:
        from timeaudio.local import LocalModel

        with _progress("Loading the model ..."):
            listener = LocalModel(model)
        yield listener
        return
    if model is not None:
        raise typer.BadParameter("give --server or --model, not both: a server has loaded its own.")
    try:
        client = Client(server)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from error
    with client:
        yield client


def answer_each(files: Sequence[Path], ask: Ask, *, as_json: bool) -> int:
    """Asks about every file and prints the answers; a file that fails does not keep the next from being heard.

    Returns: the exit code, 0 when every file was answered, else 1.
    """
    console = Console(highlight=False)
    num_failed = 0
    for file in files:
        try:
            with _progress(f"Listening to {file.name} ..."):
                answer = ask(file)
        except (ClientError, OSError) as error:
            complain(f"{file}: {_reason(error, file)}")
            num_failed += 1
            continue
        if as_json:
            print_json(answer, file, console, compact=len(files) > 1)
        else:
            print_answer(console, answer, name=str(file))
    if num_failed and len(files) > 1:
        complain(f"{num_failed} of {len(files)} files failed.")
    return 1 if num_failed else 0


def print_json(answer: DenseCaption | Grounding, file: Path, console: Console, *, compact: bool) -> None:
    """One JSON object: the server's answer, with the file's path in front."""
    fields = {"file": str(file), **answer.model_dump(mode="json")}
    ascii_only = console.options.ascii_only
    typer.echo(json.dumps(fields, ensure_ascii=ascii_only, indent=None if compact else 2))


@contextmanager
def _progress(message: str) -> Iterator[None]:
    """A spinner on stderr while something takes its time; nothing where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(message):
        yield


def _reason(error: Exception, file: Path) -> str:
    """What went wrong with a file, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "no such file. Check the path."
    if isinstance(error, IsADirectoryError):
        return f"this is a folder. Name the files in it: {file}/*"
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or error})."
    return str(error)
