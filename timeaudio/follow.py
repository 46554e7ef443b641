"""Print results as soon as they are found: the body of the four commands with --stream."""

import errno
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from timeaudio.cli.run_analysis import reason
from timeaudio.console import complain, json_text, printable
from timeaudio.errors import ClientError
from timeaudio.formats.prose import line, prose
from timeaudio.inputs import Source
from timeaudio.results import AnyAnswer, CaptionedEvent, GroundingResult, Piece, QuestionAnswer, SummarySegment
from timeaudio.stream import Stream

Follow = Callable[[Path | bytes], Stream[Any, AnyAnswer]]


def follow_each(sources: Sequence[Source], follow: Follow, *, as_json: bool) -> int:
    """Analyse every recording in turn and print each piece of its answer, with its file name if there are several.

    Returns: the exit code, 0 if every recording was answered, else 1.
    """
    num_failed = 0
    for source in sources:
        named = f"{printable(source.shown)}: " if len(sources) > 1 else ""
        try:
            with follow(source.audio()) as stream:
                _print(source, stream, named, as_json=as_json)
        except (ClientError, OSError) as error:
            if getattr(error, "errno", None) in (errno.EPIPE, errno.ENOSPC):
                raise  # of our output: its reader, such as `head`, has gone, or its disk is full
            num_failed += 1
            complain(f"{source.shown}: {reason(error)}")
    return 1 if num_failed else 0


def _print(source: Source, stream: Stream[Any, AnyAnswer], named: str, *, as_json: bool) -> None:
    num_printed = 0
    for piece in stream:
        text = _line(source, piece, as_json=as_json)
        if text is not None:
            num_printed += 1
            typer.echo(f"{'' if as_json else named}{text}")
    answer = stream.answer()
    if isinstance(answer, QuestionAnswer) and as_json:
        typer.echo(_json(source, {"answer": answer.answer}))
    elif not num_printed and not as_json:
        typer.echo(f"{named}{printable(prose(answer))}")


def _line(source: Source, piece: Piece, *, as_json: bool) -> str | None:
    """Format a piece; None for the intervals of an answer to a question, since its text names them again."""
    if as_json:
        return _json(source, piece.model_dump(mode="json"))
    if isinstance(piece, CaptionedEvent | GroundingResult | SummarySegment):
        return line(piece)
    return None


def _json(source: Source, fields: Mapping[str, object]) -> str:
    return json_text({"file": source.shown, **fields}, ascii_only=Console().options.ascii_only)
