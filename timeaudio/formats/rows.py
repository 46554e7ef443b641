"""Formats with one row per span: DCASE's table, Audacity's label track, and NIST's RTTM."""

import csv
import io
from pathlib import PurePath

from timeaudio.formats.tracks import spans
from timeaudio.labels import PLAIN_NAME, audacity_labels, decimal, inert, one_line, start_and_end
from timeaudio.results import AnyAnswer


def tsv(answer: AnyAnswer, name: str) -> str:
    """Write the columns of DCASE's sound event tasks, `filename onset offset event_label`, with csv's quoting.

    A cell that a spreadsheet would evaluate as a formula gets an apostrophe in front, so that it is shown as text.
    """
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(("filename", "onset", "offset", "event_label"))
    recording = inert(one_line(name), plain=PLAIN_NAME)
    table.writerows((recording, *start_and_end(span, 3), inert(span.label)) for span in spans(answer))
    return text.getvalue()


def audacity(answer: AnyAnswer, name: str) -> str:
    """Write a label track. Source: Audacity's manual, "Importing and Exporting Labels"; no escapes, six decimals."""
    return audacity_labels(spans(answer))


def rttm(answer: AnyAnswer, name: str) -> str:
    """Write Rich Transcription Time Marked: onset and *duration*, and the recording's name without its extension.

    Fields end at white space, so `_` joins words. Readers treat a double quote as the start of a quoted field, so it
    becomes a single quote.
    """
    recording = _word(PurePath(one_line(name)).stem)
    rows = []
    for span in spans(answer):
        onset, duration = decimal(span.start_ms, 3), decimal(span.end_ms - span.start_ms, 3)
        rows.append(f"SPEAKER {recording} 1 {onset} {duration} <NA> <NA> {_word(span.label)} <NA> <NA>\n")
    return "".join(rows)


def _word(words: str) -> str:
    return one_line(words).replace(" ", "_").replace('"', "'")
