"""Labelled intervals, and their lines in label tracks, subtitles and tables. Does not import the answer classes.

Units: integer milliseconds of the file.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NAMELESS: Final = "?"
"""The label for a text that has no printable characters left."""
PLAIN_NAME: Final = re.compile(r"-[\w.-]*\.\w+")
"""Names like AudioSet's `-0RWZT-miFs_30.wav`: they cannot hold a function call, and DCASE joins tables by name."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class LabelledInterval:
    """An interval of time and its label, on one line. Most formats do not write the embedding."""

    start_ms: int
    end_ms: int
    label: str
    confidence: float | None = None
    embedding: tuple[float, ...] | None = None


def one_line(words: str) -> str:
    """Put text on one line: replace control characters and runs of white space by one space; change nothing else.

    The result is never empty, because some formats need a label.
    """
    if words.isprintable():  # fast path, for archives of a million: printable text has no white space but spaces
        if words and "  " not in words and words[0] != " " != words[-1]:
            return words
    else:
        words = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in words)
    return " ".join(words.split()) or NAMELESS


def audacity_labels(intervals: Iterable[LabelledInterval]) -> str:
    """Write a label track, a label per interval."""
    return "".join("\t".join((*start_and_end(span, 6), span.label)) + "\n" for span in intervals)


def srt_cues(intervals: Iterable[LabelledInterval]) -> str:
    """Write SubRip, a cue per interval."""
    cues = [
        f"{number}\n{clock(span.start_ms, ',')} --> {clock(span.end_ms, ',')}\n{span.label.replace('-->', '->')}\n"
        for number, span in enumerate(intervals, start=1)
    ]
    return "\n".join(cues)


def inert(cell: str, plain: re.Pattern[str] | None = None) -> str:
    """Escape a cell that a spreadsheet would take for a formula: it begins with = + - or @. `plain` cells stay as is.

    Source: OWASP, "CSV Injection".
    """
    is_plain = plain is not None and plain.fullmatch(cell) is not None
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) and not is_plain else cell


def start_and_end(span: LabelledInterval, digits: int) -> tuple[str, str]:
    """Return the start and the end in seconds with `digits` decimals, at least three."""
    return decimal(span.start_ms, digits), decimal(span.end_ms, digits)


def decimal(milliseconds: int, digits: int) -> str:
    """Format milliseconds as seconds with `digits` decimals, at least three."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}" + "0" * (digits - 3)


def clock(milliseconds: int, mark: str) -> str:
    """Format as `01:02:03,456`, with `mark` before the milliseconds; hours may have more than two digits."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{milliseconds:03d}"
