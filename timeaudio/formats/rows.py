"""Formats with one row per span: DCASE's table, Audacity's label track, and NIST's RTTM."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from timeaudio.formats.tracks import LabelledInterval, one_line, spans
from timeaudio.results import AnyAnswer

_FORMULA_STARTS: Final = ("=", "+", "-", "@")
_PLAIN_NAME: Final = re.compile(r"-[\w.-]*\.\w+")
"""Names like AudioSet's `-0RWZT-miFs_30.wav`: no function call fits into them, and DCASE joins tables by name."""


def tsv(answer: AnyAnswer, name: str) -> str:
    """Write the columns of DCASE's sound event tasks, `filename onset offset event_label`, with csv's quoting.

    A cell that a spreadsheet would compute gets an apostrophe in front, so that it is shown as text.
    """
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(("filename", "onset", "offset", "event_label"))
    recording = inert(one_line(name), plain=_PLAIN_NAME)
    table.writerows((recording, *_seconds(span, 3), inert(span.label)) for span in spans(answer))
    return text.getvalue()


def audacity(answer: AnyAnswer, name: str) -> str:
    """Write a label track. Source: Audacity's manual, "Importing and Exporting Labels"; no escapes, six decimals."""
    return audacity_labels(spans(answer))


def audacity_labels(intervals: Iterable[LabelledInterval]) -> str:
    """Write a label track, a label per interval."""
    return "".join("\t".join((*_seconds(span, 6), span.label)) + "\n" for span in intervals)


def rttm(answer: AnyAnswer, name: str) -> str:
    """Write Rich Transcription Time Marked: onset and *duration*, and the recording's name without its extension.

    Fields end at white space, so `_` joins words. Readers treat a double quote as the start of a quoted field, so it
    becomes a single quote.
    """
    recording = _word(PurePath(one_line(name)).stem)
    rows = []
    for span in spans(answer):
        onset, duration = _decimal(span.start_ms, 3), _decimal(span.end_ms - span.start_ms, 3)
        rows.append(f"SPEAKER {recording} 1 {onset} {duration} <NA> <NA> {_word(span.label)} <NA> <NA>\n")
    return "".join(rows)


def inert(cell: str, plain: re.Pattern[str] | None = None) -> str:
    """Return a cell that no spreadsheet takes for a formula: they begin with = + - or @. `plain` cells stay as is.

    Source: OWASP, "CSV Injection".
    """
    is_plain = plain is not None and plain.fullmatch(cell) is not None
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) and not is_plain else cell


def _word(words: str) -> str:
    return one_line(words).replace(" ", "_").replace('"', "'")


def _seconds(span: LabelledInterval, digits: int) -> tuple[str, str]:
    return _decimal(span.start_ms, digits), _decimal(span.end_ms, digits)


def _decimal(milliseconds: int, digits: int) -> str:
    """Format milliseconds as seconds with `digits` decimals, at least three."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}" + "0" * (digits - 3)
