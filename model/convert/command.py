"""Terminal output of `timeaudio import` and `timeaudio init`: licence notice, progress bar, table of faults."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from model.convert import writing
from model.convert.card import NATIVE_NOTICE, NOTICE
from model.convert.compare import folded
from model.convert.cuts import Cuts
from model.convert.importer import Downloads, Precision, import_released
from model.convert.init import NativeParts, init_native
from model.convert.layout import Start, WriteResult
from model.errors import TimeAudioError, WeightFault, WeightsDoNotFit
from model.hub import fetch_pretrained

Parts = TypeVar("Parts", Downloads, NativeParts)

MOST_ROWS = 40
"""Most rows in the table of faults. More would scroll the message below it off the screen."""


def run_import(downloads: Downloads, out: Path, *, dtype: Precision, num_heads: int | None) -> int:
    """Run `timeaudio import`. Return the exit status: 0, or 2 on an error."""
    return _run(
        NOTICE,
        downloads,
        lambda parts, start: import_released(parts, out, dtype=dtype, num_heads=num_heads, start=start),
        after=f"Next:  timeaudio serve --model {out}",
    )


def run_init(parts: NativeParts, out: Path, *, dtype: Precision, num_heads: int | None, cuts: Cuts, pad: bool) -> int:
    """Run `timeaudio init`. Return the exit status: 0, or 2 on an error."""
    return _run(
        NATIVE_NOTICE,
        parts,
        lambda parts, start: init_native(parts, out, dtype=dtype, num_heads=num_heads, cuts=cuts, pad=pad, start=start),
        after="It has not been trained yet, so its answers are meaningless.",
    )


def _run(notice: str, parts: Parts, work: Callable[[Parts, Start], WriteResult], *, after: str) -> int:
    """Fetch what is on the hub, then work. The hub's library shows its own progress, so fetching precedes the bar."""
    console = Console(stderr=True, highlight=False)
    console.print(notice + "\n", style="dim", soft_wrap=True)
    try:
        fetched = dataclasses.replace(parts, llm=fetch_pretrained(parts.llm), whisper=fetch_pretrained(parts.whisper))
        with _bar(console) as start:
            done = work(fetched, start)
    except TimeAudioError as error:
        if isinstance(error, WeightsDoNotFit):
            console.print(fault_table(error.faults))
        console.print(Text(f"timeaudio: {error}"), soft_wrap=True)
        return 2
    kept = f", {done.num_kept} of them kept from an earlier run" if done.num_kept else ""
    size = f"{done.num_bytes / 1e6:,.0f} MB of weights in {done.num_files} files{kept}"
    console.print(Text(f"{done.directory} is complete: {size}.\n{after}"), soft_wrap=True)
    return 0


@contextmanager
def _bar(console: Console) -> Iterator[Start]:
    """Show a progress bar in bytes, once writing starts."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:

        def start(total: int) -> writing.Progress:
            task = bar.add_task("writing", total=total)
            return lambda num_bytes, name: bar.update(task, advance=num_bytes, description=name)

        yield start


def fault_table(faults: tuple[WeightFault, ...]) -> Table:
    """Return a table of missing, unexpected or misshapen tensors. Equal faults in several layers share one row."""
    table = Table(title="What does not fit", title_justify="left")
    for column in ("fault", "file", "tensor", "shape"):
        table.add_column(column, overflow="fold")
    lines = folded(faults)
    for fault in lines[:MOST_ROWS]:
        table.add_row(*(Text(cell) for cell in (fault.kind, Path(fault.file).name, fault.name, fault.detail)))
    if len(lines) > MOST_ROWS:
        table.add_row("...", "", f"{len(lines) - MOST_ROWS} more lines", "")
    return table
