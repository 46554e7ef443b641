"""Write answers of all four tasks in the formats that other tools read.

Pure functions over `timeaudio.results`, shared by the server (`response_format`), the client and the command line.

    tracks      the common form: named tracks of labelled spans
    trees       json, verbose_json, jams, label-studio
    regions     the regions of label-studio
    subtitles   srt, vtt
    rows        tsv (DCASE), audacity, rttm
    text_grid   textgrid
    prose       plain lines of text
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from timeaudio.format_names import DEFAULT_NAME, FORMAT_NAMES, FormatName, TextFormat
from timeaudio.formats import rows, subtitles, text_grid, trees
from timeaudio.results import AnyAnswer

__all__ = ["DEFAULT_NAME", "FORMATS", "FORMAT_NAMES", "Format", "FormatName", "TextFormat", "find", "write"]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its writer (from an answer and the recording's name), media type and file suffix."""

    write: Callable[[AnyAnswer, str], str]
    media_type: str
    suffix: str


FORMATS: Final[Mapping[FormatName, Format]] = {
    "json": Format(trees.plain_json, "application/json", ".json"),
    "verbose_json": Format(trees.verbose_json, "application/json", ".verbose.json"),
    "srt": Format(subtitles.srt, "application/x-subrip", ".srt"),
    "vtt": Format(subtitles.vtt, "text/vtt", ".vtt"),
    "tsv": Format(rows.tsv, "text/tab-separated-values", ".tsv"),
    "audacity": Format(rows.audacity, "text/plain", ".audacity.txt"),
    "rttm": Format(rows.rttm, "text/plain", ".rttm"),
    "jams": Format(trees.jams, "application/vnd.jams+json", ".jams"),
    "textgrid": Format(text_grid.textgrid, "text/plain", ".TextGrid"),
    "label-studio": Format(trees.label_studio, "application/vnd.label-studio+json", ".label-studio.json"),
}


def find(format_name: FormatName) -> Format:
    """Return the format of that name.

    Raises:
        ValueError: there is no such format.
    """
    if format_name not in FORMATS:
        raise ValueError(f"{format_name!r} is not a format. Use one of {', '.join(FORMATS)}.")
    return FORMATS[format_name]


def write(answer: AnyAnswer, format_name: FormatName, *, name: str = DEFAULT_NAME) -> str:
    """Write an answer in a format, as text for a UTF-8 file. `name` is the recording's name, which some formats hold.

    Raises:
        ValueError: there is no such format.
    """
    return find(format_name).write(answer, name)
