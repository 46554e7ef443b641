"""An answer as people read it on a terminal: a heading, the table, the timeline, and what it took."""

import typer
from rich.console import Console
from rich.text import Text

from timeaudio import table, timeline
from timeaudio.results import DenseCaption, Grounding

WIDEST = 120  # columns; a wider picture is harder to read across


def print_answer(console: Console, answer: DenseCaption | Grounding, *, name: str) -> None:
    """Prints an answer about the recording `name`; with ASCII alone where the terminal has no more."""
    console.print(Text(f"{name}  {answer.audio.duration:.1f} s", style="bold"))
    if isinstance(answer, DenseCaption):
        lanes, rows = timeline.event_lanes(answer.events), table.event_table(answer.events)
    else:
        lanes, rows = timeline.query_lanes(answer.results), table.query_table(answer.results)
    if lanes:
        console.print(rows)
    else:
        console.print("No sound events are heard.")
    if any(lane.intervals for lane in lanes):
        width = min(console.width, WIDEST)
        end_s = answer.audio.start + answer.audio.duration
        console.print(timeline.draw(lanes, end_s, width=width, ascii_only=console.options.ascii_only))
    console.print(Text(f"\n{answer.model} took {answer.timing.total_s:.2f} s.\n", style="dim"))


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    typer.echo(f"timeaudio: {timeline.one_line(message)}", err=True)
