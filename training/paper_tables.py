"""Show the paper's Tables 2, 3 and 4, in percent, with our scores beside them: `timeaudio compare`."""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

COLUMNS = (
    ("dense METEOR", "METEOR"), ("dense Eb-F1", "Eb-F1"), ("dense At-F1", "At-F1"), ("ground R@0.5", "R@0.5"),
    ("ground R@0.7", "R@0.7"), ("ground R@0.9", "R@0.9"), ("ground mean recall", "mIoU (*)"),
    ("summary ROUGE-1", "ROUGE-1"), ("summary ROUGE-L", "ROUGE-L"), ("summary mIoU", "mIoU (**)"),
)  # fmt: skip
"""Our scores and the paper's columns. The paper does not say which of our two timeline scores it uses."""

NONE = None
Numbers = tuple[float | None, ...]

TABLE_2: dict[str, Numbers] = {
    "Qwen2-Audio, zero-shot": (6.7, 9.8, 50.3, 32.1, 18.7, 10.8, 20.5, 17.4, 12.3, 13.3),
    "Qwen2.5 omni, zero-shot": (3.4, 9.6, 36.0, 17.9, 10.9, 6.5, 11.8, 15.6, 11.7, 12.8),
    "Qwen2-Audio-R1, zero-shot": (3.7, 8.5, 40.6, 29.3, 17.3, 8.8, 18.5, 15.2, 11.5, 16.2),
    "Hubert-MiniChat 3B": (NONE, NONE, NONE, NONE, NONE, NONE, NONE, 33.6, 22.3, NONE),
    "GAMA": (19.7, 11.0, 67.8, 31.0, 21.1, 14.8, 22.3, NONE, NONE, NONE),
    "Qwen audio": (10.6, 13.5, 43.6, 53.4, 32.2, 23.7, 36.4, 15.9, 20.5, 76.8),
    "Qwen2-Audio": (22.4, 36.5, 67.8, 72.8, 55.4, 26.8, 51.7, 40.0, 28.5, 85.2),
    "SALMONN-7B": (19.9, 32.4, 68.0, 71.4, 55.8, 28.6, 51.9, 39.5, 28.7, 84.3),
    "SALMONN-13B": (20.2, 32.0, 67.6, 69.2, 53.5, 28.3, 50.3, 40.2, 29.8, 88.2),
    "TimeAudio 7B": (20.4, 37.4, 70.5, 75.7, 61.2, 36.5, 57.8, 42.4, 30.8, 94.2),
}
TABLE_3: dict[str, Numbers] = {
    "SALMONN (FTAR-tuned)": (19.9, 32.4, 68.0, 71.4, 55.8, 28.6, 51.9, 39.5, 28.7, 84.3),
    "+ markers (not initialised)": (19.5, 33.5, 69.2, 71.7, 56.2, 33.5, 52.3, 40.0, 28.8, 87.5),
    "+ markers": (20.5, 36.0, 70.8, 72.7, 57.8, 34.2, 54.9, 41.0, 29.8, 88.7),
    "+ time encoding": (20.3, 35.8, 69.5, 72.0, 56.9, 32.5, 53.8, 40.6, 30.1, 86.6),
    "+ markers + time encoding": (20.8, 37.8, 71.4, 73.7, 58.6, 35.5, 56.0, 41.4, 29.8, 90.4),
    "+ markers + time encoding + merging": (20.4, 37.4, 70.5, 75.7, 61.2, 36.5, 57.8, 42.4, 30.8, 94.2),
}
TABLE_4: dict[str, Numbers] = {
    f"ratio {ratio:.2f}": (*[NONE] * 7, *numbers)
    for ratio, numbers in (
        (0.10, (24.3, 18.4, 72.9)), (0.15, (31.6, 20.5, 73.2)), (0.20, (40.2, 29.7, 84.8)),
        (0.25, (42.4, 30.8, 94.2)), (0.30, (42.5, 31.1, 94.0)),
    )
}  # fmt: skip
TABLES = {2: TABLE_2, 3: TABLE_3, 4: TABLE_4}
FOOTNOTES = (
    "(*) the paper's 'mIoU' of grounding is (R@0.5 + R@0.7 + R@0.9) / 3 in 12 of its 13 rows; ours uses that formula.",
    "(**) the paper does not define its timeline mIoU; ours pairs segments one to one.",
    "Our scores are comparable with the paper's only if their manifest is the paper's test set.",
)


def table_row(scores: Mapping[str, Mapping[str, object]]) -> Numbers:
    """Return a row of percentages from a scores file; None where the file lacks a score."""
    row: list[float | None] = []
    for name, _ in COLUMNS:
        value = scores.get(name, {}).get("value")
        row.append(100 * value if isinstance(value, float) and not math.isnan(value) else None)
    return tuple(row)


def show(number: int | None, ours: Mapping[str, Numbers], console: Console) -> None:
    """Print a table of the paper with our rows below it; without a number, only our rows."""
    table = Table(title="Scores, in %" if number is None else f"Table {number} of the paper, in %")
    table.add_column("system")
    used = range(7, 10) if number == 4 else range(len(COLUMNS))
    for place in used:
        table.add_column(COLUMNS[place][1], justify="right")
    for rows in ({} if number is None else TABLES[number], ours):
        for name, numbers in rows.items():
            table.add_row(name, *["-" if (v := numbers[place]) is None else f"{v:.1f}" for place in used])
        table.add_section()
    console.print(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line: `timeaudio compare`."""
    parser = argparse.ArgumentParser(prog="timeaudio compare", description=__doc__)
    parser.add_argument(
        "scores", nargs="*", type=Path, help="files of `timeaudio evaluate ... --json`; rows take the files' names"
    )
    parser.add_argument("--table", type=int, choices=[2, 3, 4], action="append", help="default: all three tables")
    arguments = parser.parse_args(argv)
    ours: dict[str, Numbers] = {}
    for path in arguments.scores:
        name = path.stem if sum(path.stem == other.stem for other in arguments.scores) == 1 else str(path)
        try:
            ours[f"ours: {name}"] = table_row(json.loads(path.read_text(encoding="utf-8"))["scores"])
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            print(
                f"timeaudio compare: {path} holds no scores of a manifest. Create it with `timeaudio evaluate --data"
                " MANIFEST.jsonl --json FILE`; scores of composed scenes are not comparable.", file=sys.stderr,
            )  # fmt: skip
            return 2
    console = Console(width=None if sys.stdout.isatty() else 140)
    for number in arguments.table or sorted(TABLES):
        show(number, ours, console)
    for line in FOOTNOTES:
        console.print(line, highlight=False)
    return 0
