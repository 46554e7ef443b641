"""Print answers: a heading, a table, a timeline and the time taken; or JSON; or the text of a format."""

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from timeaudio import table, timeline
from timeaudio.console import json_text, printable
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, QuestionAnswer, Summary

WIDEST = 120  # columns; wider timelines are hard to read


def print_answer(console: Console, answer: AnyAnswer, *, name: str) -> None:
    """Print an answer about the recording `name`, in ASCII if the terminal needs it."""
    console.print(Text(f"{printable(name)}  {answer.audio.duration:.1f} s", style="bold"))
    for warning in answer.audio.warnings:
        console.print(Text(warning, style="yellow"))
    if isinstance(answer, QuestionAnswer):
        console.print(Text(f"\n{printable(answer.question)}\n{printable(answer.answer)}\n"))
    lanes, rows, if_none = _pictured(answer)
    if lanes:
        console.print(rows)
    elif if_none:
        console.print(if_none)
    if any(lane.intervals for lane in lanes):
        width = min(console.width, WIDEST)
        end_s = answer.audio.start + answer.audio.duration
        console.print(timeline.draw(lanes, end_s, width=width, ascii_only=console.options.ascii_only))
    console.print(Text(f"\n{answer.model} took {answer.timing.total_s:.2f} s.\n", style="dim"))


def print_json(console: Console, answer: AnyAnswer, *, name: str, compact: bool) -> None:
    """Print one JSON object: the server's answer after the recording's name. `compact`: on one line."""
    fields = {"file": name, **answer.model_dump(mode="json")}
    typer.echo(json_text(fields, ascii_only=console.options.ascii_only, indent=None if compact else 2))


def _pictured(answer: AnyAnswer) -> tuple[list[timeline.Lane], Table, str]:
    """Return the lanes and the table of an answer, and the text to print if there are none."""
    if isinstance(answer, DenseCaption):
        rows = [(event.caption, event.intervals) for event in answer.events]
        return timeline.lanes(rows), table.interval_table("event", rows), "No sound events are heard."
    if isinstance(answer, Grounding):
        rows = [(found.query, found.intervals) for found in answer.results]
        return timeline.lanes(rows), table.interval_table("query", rows), ""
    if isinstance(answer, Summary):
        rows = [(segment.summary, (segment,)) for segment in answer.segments]
        return timeline.lanes(rows), table.interval_table("summary", rows), "No speech is heard."
    rows = [(answer.answer, answer.intervals)] if answer.intervals else []
    return timeline.lanes(rows), table.interval_table("answer", rows), ""
