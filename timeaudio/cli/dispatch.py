"""Run an analysis command: find the recordings, and hand them to a server or to the model in this process."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from timeaudio.cli.options import OutputOptions

if TYPE_CHECKING:
    from timeaudio.cli.run_analysis import Backend
    from timeaudio.client import Client
    from timeaudio.inputs import Source
    from timeaudio.results import AnyAnswer
    from timeaudio.stream import Stream


def run(
    files: Sequence[str | Path],
    ask: "Callable[[Backend, Path | bytes], AnyAnswer]",
    options: OutputOptions,
    server: str | None,
    model: Path | None,
) -> NoReturn:
    """Analyse all recordings and exit with the exit code."""
    from timeaudio.cli.run_analysis import answer_each, check_backend, open_backend

    found = _found(files)
    output = options.output(found)
    check_backend(server, model)
    opened: AbstractContextManager[Backend | None] = nullcontext()
    if not all(map(output.is_done, found)):  # loading a model takes seconds
        opened = open_backend(server=server, model=model)
    with opened as backend:

        def answer(audio: Path | bytes) -> "AnyAnswer":
            assert backend is not None, "every recording is done"
            return ask(backend, audio)

        raise typer.Exit(answer_each(found, answer, output, backend))


def follow(
    files: Sequence[str | Path],
    ask: "Callable[[Client, Path | bytes], Stream[Any, Any]]",
    options: OutputOptions,
    server: str | None,
    model: Path | None,
) -> NoReturn:
    """Analyse all recordings, print each event as soon as it is found, and exit with the exit code."""
    from timeaudio.cli.run_analysis import check_backend, connected
    from timeaudio.follow import follow_each

    check_backend(server, model)
    options.check_streamed(server)
    assert server is not None, "checked"
    found = _found(files)
    with connected(server) as client:
        raise typer.Exit(follow_each(found, lambda audio: ask(client, audio), as_json=options.json_lines))


def split(
    words: Sequence[str], options: Sequence[str] | None, what: str, option: str
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the files and the queries or questions: those of the option or, without it, all words after the first."""
    from timeaudio.request_options import checked_words

    for word in options or words[1:]:
        try:
            checked_words(word, "the text")
        except ValueError as error:
            raise typer.BadParameter(f"{error} Is the terminal's encoding UTF-8?") from None
    if options:
        return words, options
    [file, *rest] = words
    if not rest:
        raise typer.BadParameter(f"{what} is missing: use FILE {what}, or FILE... {option} {what}")
    for word in rest:
        if os.path.exists(word):  # unlike Path.exists, also false for a question that is too long for a file name
            raise typer.BadParameter(f"{word!r} is a file. With several files, use {option} {what}")
    return [file], rest


def _found(files: Sequence[str | Path]) -> "list[Source]":
    """Return the recordings to analyse, and report how many files in folders are left out."""
    from timeaudio.console import complain
    from timeaudio.inputs import describe_left_out, sources

    left_out: list[Path] = []
    if "" in files:
        raise typer.BadParameter("a FILE is empty; is a variable of the shell unset?")
    found = sources(map(str, files), left_out)
    if left_out:
        complain(describe_left_out(left_out))
    return found
