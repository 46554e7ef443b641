"""`timeaudio find`: search an archive without a model."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from timeaudio.cli.options import ModelDir, ServerUrl, output_dir_option
from timeaudio.console import complain
from timeaudio.errors import ClientError

if TYPE_CHECKING:
    from timeaudio.archive.exports import TrackFormat
    from timeaudio.archive.search import EventRow
    from timeaudio.archive.store import Archive

_EXAMPLES = """
Examples:

timeaudio find 'a dog barking' events.parquet --min-confidence 0.5

timeaudio find siren events.parquet --after 2026-06-01 --longer-than 3 --format csv > sirens.csv

timeaudio find 'birds' parts/ --format m3u > birds.m3u8

timeaudio find rain events.parquet --format srt -o subtitles

Exit status, as for grep: 0 found, 1 nothing found, 2 an error.
"""
_LINES = 1000  # written at once: without a buffer (PYTHONUNBUFFERED), each write is a system call
_WHICH = "Which events (default: all)"
_OUTPUT = "Output (default: a line per event)"

ArchivePath = Annotated[
    Path,
    typer.Argument(
        metavar="ARCHIVE", help="Parquet from `timeaudio batch -o FILE.parquet`, or a folder with several of them."
    ),
]


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):  # a time zone can move a date out of the calendar
        raise typer.BadParameter(f"{text!r} is not a date: use 2026-06-01 or 2026-06-01T05:30") from None


@contextmanager
def _errors_exit_with_2() -> Iterator[None]:
    """Report an error with exit status 2: here, 1 (an error in other commands) means that nothing was found."""
    try:
        yield
    except (ClientError, OSError) as error:
        complain(str(error))
        raise typer.Exit(2) from None


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command(epilog=_EXAMPLES)(find)


def find(  # noqa: PLR0913  an option each
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="What to look for, in quotes: 'a dog barking', rain, animals.")
    ],
    archive: ArchivePath,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="0..1", rich_help_panel=_WHICH, help="Only events with at least this confidence."
        ),
    ] = None,
    longer_than: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", rich_help_panel=_WHICH, help="Only longer events.")
    ] = None,
    shorter_than: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", rich_help_panel=_WHICH, help="Only shorter events.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            rich_help_panel=_WHICH,
            help="Only recordings from this time on: 2026-06-01, or 2026-06-01T05:30.",
        ),
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", rich_help_panel=_WHICH, help="Only recordings from before this time.")
    ] = None,
    only_words: Annotated[
        bool,
        typer.Option("--words", rich_help_panel=_WHICH, help="Match the words of the query only, not kinds of sound."),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", rich_help_panel=_OUTPUT, help="Print the first N events.")
    ] = None,
    form: Annotated[
        Literal["text", "csv", "m3u", "srt", "audacity"],
        typer.Option(
            "--format",
            "-f",
            rich_help_panel=_OUTPUT,
            help="csv: a table. m3u: a playlist. srt, audacity: labels of one recording, or with -o a file for each.",
        ),
    ] = "text",
    output_dir: Annotated[
        Path | None,
        output_dir_option(_OUTPUT, "With srt or audacity: write a file for each recording to this folder."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the events with the model, and keep only those that it confirms.")
    ] = False,
    server: ServerUrl = None,
    model: ModelDir = None,
) -> None:
    """Find events in an ARCHIVE of answers, by kind of sound or by words of their captions. Needs no model."""
    from timeaudio.archive.search import EventFilter, search
    from timeaudio.archive.store import Archive
    from timeaudio.extras import extra_needed

    wanted = EventFilter(min_confidence, longer_than, shorter_than, _moment(after), _moment(before))
    if (server is not None or model is not None) and not verify:
        raise typer.BadParameter("--server and --model are for --verify: a search needs no model")
    if output_dir is not None and form not in ("srt", "audacity"):
        raise typer.BadParameter("-o is for --format srt and audacity. Write other formats with > FILE")
    with _errors_exit_with_2():
        with extra_needed("archive"):
            opened = Archive(archive)
            found = search(opened, query, wanted, only_words=only_words, limit=limit)
        if not found.num_events:
            complain(f"Nothing found for {query!r} ({found.reason}).")
            raise typer.Exit(1)
        first = "the first follows" if limit == 1 else f"the first {limit} follow"
        shown = "" if limit is None or limit >= found.num_events else f"; {first}"
        recordings = "1 recording" if found.num_recordings == 1 else f"{found.num_recordings} recordings"
        events_found = "1 event" if found.num_events == 1 else f"{found.num_events} events"
        complain(f"{query!r} means {found.reason}: {events_found} in {recordings}{shown}.")
        events = _verified(found.events, query, opened, server, model) if verify else found.events
        if form in ("srt", "audacity"):
            num_written = _write_tracks(events, form, output_dir)
        else:
            num_written = _write_list(events, form, opened)
    raise typer.Exit(0 if num_written else 1)


def _verified(
    events: "Iterable[EventRow]", query: str, archive: "Archive", server: str | None, model: Path | None
) -> "Iterator[EventRow]":
    """Yield the events that the model confirms, then report their number.

    Raises:
        typer.Exit: it confirms none, but some could not be checked.
    """
    from timeaudio.archive.verify import verify
    from timeaudio.cli.run_analysis import check_backend, open_backend

    check_backend(server, model)
    candidates = list(events)
    num_confirmed = num_failures = 0

    def report(failure: str) -> None:
        nonlocal num_failures
        num_failures += 1
        complain(failure)

    with open_backend(server=server, model=model) as backend:
        for event in verify(candidates, query, archive.locate, backend, report):
            num_confirmed += 1
            yield event
    complain(f"The model confirms {num_confirmed} of {len(candidates)} events.")
    if num_failures and not num_confirmed:
        raise typer.Exit(2)


def _write_list(events: "Iterable[EventRow]", form: str, archive: "Archive") -> int:
    """Print events as one list. Return their number."""
    from timeaudio.archive.exports import lines, playlist, table

    num_written = 0

    def counted() -> "Iterator[EventRow]":
        nonlocal num_written
        for event in events:
            num_written += 1
            yield event

    match form:
        case "csv":
            written = table(counted())
        case "m3u":
            written = playlist(counted(), archive.locate)
        case _:
            written = lines(counted())
    encoding = sys.stdout.encoding if form == "text" else "utf-8"
    try:
        while part := "".join(islice(written, _LINES)):
            sys.stdout.buffer.write(part.encode(encoding, errors="replace"))
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return num_written


def _write_tracks(events: "Iterable[EventRow]", form: "TrackFormat", folder: Path | None) -> int:
    """Print the events of one recording, or write a file for each. Return the number of recordings."""
    from timeaudio.archive.exports import by_recording, places, track
    from timeaudio.console import print_text
    from timeaudio.inputs import Source
    from timeaudio.outputs import OutputFolder, write_whole

    recordings = list(by_recording(events))
    if folder is None:
        if len(recordings) > 1:
            raise typer.BadParameter(
                f"--format {form} is for one recording, and {len(recordings)} have such events: add -o DIR"
            )
        for _, found in recordings:
            print_text(track(found, form))
        return len(recordings)
    sources = {path: Source(path, place, Path(path)) for path, place in places(dict(recordings)).items()}
    try:
        output = OutputFolder(folder, sources.values())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for path, found in recordings:
        write_whole(output.file(sources[path], form), track(found, form))
    return len(recordings)
