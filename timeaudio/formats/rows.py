"""Formats with one row per span: DCASE's table, Audacity's label track, and NIST's RTTM."""

import csv
import io
from pathlib import PurePath

from timeaudio.formats.tracks import LabelledInterval, one_line, spans
from timeaudio.results import AnyAnswer


def tsv(answer: AnyAnswer, name: str) -> str:
    """Write the columns of DCASE's sound event tasks, `filename onset offset event_label`, with csv's quoting."""
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(("filename", "onset", "offset", "event_label"))
    table.writerows((one_line(name), *_seconds(span, 3), span.label) for span in spans(answer))
    return text.getvalue()


def audacity(answer: AnyAnswer, name: str) -> str:
    """Write a label track. Source: Audacity's manual, "Importing and Exporting Labels"; no escapes, six decimals."""
    return "".join("\t".join((*_seconds(span, 6), span.label)) + "\n" for span in spans(answer))


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


def _word(words: str) -> str:
    return one_line(words).replace(" ", "_").replace('"', "'")


def _seconds(span: LabelledInterval, digits: int) -> tuple[str, str]:
    return _decimal(span.start_ms, digits), _decimal(span.end_ms, digits)


def _decimal(milliseconds: int, digits: int) -> str:
    """Format milliseconds as seconds with `digits` decimals, at least three."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}" + "0" * (digits - 3)
