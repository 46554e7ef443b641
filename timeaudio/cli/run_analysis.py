"""Analyse recordings one after the other and report on each: the body of the four analysis commands."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Unpack

import typer
from rich.console import Console

from timeaudio.client import Client
from timeaudio.console import complain
from timeaudio.errors import ClientError
from timeaudio.inputs import SUFFIXES, Source
from timeaudio.outputs import Output
from timeaudio.progress import Bar, RunCounts
from timeaudio.request_options import PartOptions
from timeaudio.requests import OnProgress
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, QuestionAnswer, Summary

Ask = Callable[[Path | bytes], AnyAnswer]


class Backend(Protocol):
    """A server through Client, or the model in this process."""

    on_progress: OnProgress | None

    def dense_caption(self, audio: Path | bytes, /, **part: Unpack[PartOptions]) -> DenseCaption:
        """Return every event of a recording."""
        ...

    def ground(self, audio: Path | bytes, queries: Sequence[str], /, **part: Unpack[PartOptions]) -> Grounding:
        """Return where each query happens."""
        ...

    def summarize(self, audio: Path | bytes, /, **part: Unpack[PartOptions]) -> Summary:
        """Return a summary of the speech."""
        ...

    def ask(self, audio: Path | bytes, question: str, /, **part: Unpack[PartOptions]) -> QuestionAnswer:
        """Return the answer to a question."""
        ...


def check_backend(server: str | None, model: Path | None) -> None:
    """Check that at most one of both is given. Raises: typer.BadParameter."""
    if server is not None and model is not None:
        raise typer.BadParameter("use either --server or --model: a server loads its own model.")


@contextmanager
def open_backend(*, server: str | None, model: Path | None) -> Iterator[Backend]:
    """Connect to a server, or load a model here: `model`, or the embedded one.

    Raises:
        typer.BadParameter: the address is not valid.
        LocalModelError: no model can run here.
    """
    if server is None:
        from timeaudio.local import LocalModel, fetched

        model = fetched(model)  # shows its own progress
        with _spinner("Loading the model ..."):
            backend = LocalModel(model)
        yield backend
        return
    with connected(server) as client:
        yield client


def connected(server: str) -> Client:
    """Return a client of the server at an address.

    Raises:
        typer.BadParameter: the address is not valid, or needs a library that is not installed.
    """
    try:
        return Client(server)
    except (ValueError, ImportError) as error:
        raise typer.BadParameter(str(error), param_hint="--server") from error


def answer_each(sources: Sequence[Source], ask: Ask, output: Output, backend: Backend | None) -> int:
    """Analyse every recording; after a failure, go on with the next. `backend`, if given, reports progress.

    Returns: the exit code, 0 if every recording was answered, else 1.
    """
    account = RunCounts(len(sources))
    with Bar(sources, account) as bar:
        if bar.is_shown and backend is not None:
            backend.on_progress = bar.show_passes
        for source in sources:
            bar.begin(source)
            if output.is_done(source):
                account.num_skipped += 1
            else:
                _answer(source, ask, output, account, bar)
            account.num_done += 1
            bar.end()
    if output.folder is not None:
        complain(str(account))
    elif account.num_failed and len(sources) > 1:
        complain(f"{account.num_failed} of {len(sources)} files failed.")
    return 1 if account.num_failed else 0


def _answer(source: Source, ask: Ask, output: Output, account: RunCounts, bar: Bar) -> None:
    """Analyse one recording, and print the answer or the error."""
    try:
        answer = ask(source.audio())
        output.store(source, answer)
    except (ClientError, OSError) as error:
        account.num_failed += 1
        with bar.hidden():
            complain(f"{source.shown}: {reason(error)}")
        return
    account.audio_s += answer.audio.duration
    with bar.hidden():
        output.show(source, answer)


@contextmanager
def _spinner(message: str) -> Iterator[None]:
    """Show a spinner on stderr, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(message):
        yield


def reason(error: Exception) -> str:
    """Return what went wrong with a recording, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "no such file. Check the path."
    if isinstance(error, IsADirectoryError):
        kinds = ", ".join(sorted(suffix.removeprefix(".") for suffix in SUFFIXES))
        return f"this folder holds no recordings ({kinds}). Name files with other suffixes directly."
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"cannot be read: {error.strerror or error}{where}."
    return str(error)
