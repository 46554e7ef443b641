"""Answers as tables: one row per interval, times in seconds."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from timeaudio.console import printable
from timeaudio.results import Interval

NOT_HEARD = "not heard"


def interval_table(heading: str, rows: Sequence[tuple[str, Sequence[Interval]]]) -> Table:
    """Return a table of texts and their intervals. A text stands beside its first interval, or alone without one."""
    has_confidence = any(interval.confidence is not None for _, intervals in rows for interval in intervals)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("start", justify="right", no_wrap=True)
    table.add_column("end", justify="right", no_wrap=True)
    if has_confidence:
        table.add_column("confidence", justify="right", no_wrap=True)
    table.add_column(heading, overflow="fold")
    for words, intervals in rows:
        empty = ("-", "-", "-") if has_confidence else ("-", "-")
        if not intervals:
            table.add_row(*empty, Text(f"{printable(words)}  ({NOT_HEARD})"))
        for index, interval in enumerate(intervals):
            cells = [f"{interval.start:.1f}", f"{interval.end:.1f}"]
            if has_confidence:
                cells.append("-" if interval.confidence is None else f"{interval.confidence:.2f}")
            table.add_row(*cells, Text(printable(words)) if index == 0 else "")
    return table
