"""The options that the four analysis commands share: their definitions, and how they combine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from timeaudio.format_names import FORMAT_NAMES

if TYPE_CHECKING:
    from timeaudio.inputs import Source
    from timeaudio.outputs import Output, Shown
    from timeaudio.request_options import PartOptions

ALL = "all"
_CHOICES = (*FORMAT_NAMES, ALL)
_WHAT = "Part (default: the whole recording, every interval)"
_WHERE = "Output (default: tables and timelines)"
_WHO = "Model (default: the embedded one, in this process)"
RECORDINGS = "files, folders (searched for recordings), 'patterns*.wav' in quotes, or - for standard input."


def _known(names: list[str] | None) -> list[str] | None:
    for name in names or []:
        if name not in _CHOICES:
            raise typer.BadParameter(f"{name!r} is not a format; choose from {', '.join(_CHOICES)}")
    return names


Files = Annotated[list[str], typer.Argument(metavar="FILE", help=f"Recordings: {RECORDINGS}")]
ModelDir = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="DIR|ORG/NAME",
        rich_help_panel=_WHO,
        help="Checkpoint to load instead of the embedded one: a directory, or a model on the Hugging Face hub, "
        "ORG/NAME or ORG/NAME@REVISION.",
    ),
]
ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        rich_help_panel=_WHO,
        help="Use the server at this address, http://... or grpc://..., instead of loading a model. "
        "TIMEAUDIO_API_KEY holds the API key.",
    ),
]


def output_dir_option(panel: str, description: str) -> Any:
    """Return the option for the folder to write files to."""
    names = ("--output-dir", "--output_dir", "-o")
    return typer.Option(*names, metavar="DIR", rich_help_panel=panel, help=description)


OutputDir = Annotated[
    Path | None, output_dir_option(_WHERE, "Write answers to files here: street.flac becomes street.json.")
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        rich_help_panel=_WHERE,
        callback=_known,
        autocompletion=lambda: list(_CHOICES),
        help=f"Format of the files: {', '.join(_CHOICES)}; repeatable. Without -o: format of the printed answer.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        rich_help_panel=_WHERE,
        help="Print JSON: one object; with several recordings, one per line.",
    ),
]
JsonLines = Annotated[
    bool,
    typer.Option("--json-lines", rich_help_panel=_WHERE, help="Print one line of JSON per recording, even for one."),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", rich_help_panel=_WHERE, help="With -o: skip recordings whose files all exist already."),
]
Streamed = Annotated[
    bool,
    typer.Option(
        "--stream",
        rich_help_panel=_WHERE,
        help="With --server: print a line for each event as soon as it is found; with --json-lines, as JSON.",
    ),
]
Start = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", rich_help_panel=_WHAT, help="Analyse from here on; default: the beginning."),
]
End = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", rich_help_panel=_WHAT, help="Analyse up to here; default: the end."),
]
Track = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=2**32 - 1,  # the largest that a client sends
        metavar="N",
        rich_help_panel=_WHAT,
        help="Analyse audio track N of each file, counted from 0; default: the one that a player plays.",
    ),
]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="0..1",
        rich_help_panel=_WHAT,
        help="Leave out intervals with a lower confidence. Values above 0 need a calibrated model.",
    ),
]


def checked_part(
    start: float | None, end: float | None, track: int | None, min_confidence: float | None
) -> "PartOptions":
    """Return the options that say what to analyse.

    Raises:
        typer.BadParameter: the end is not after the start.
    """
    if end is not None and end + 1e-6 < (start or 0.0) + 0.1:  # 0.2 + 0.1 is more than 0.3
        raise typer.BadParameter(f"--end must be at least 0.1 s after the start ({start or 0.0:g} s)")
    return {"start": start, "end": end, "track": track, "min_confidence": min_confidence}


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The output options, as given."""

    output_dir: Path | None
    formats: list[str] | None
    as_json: bool
    json_lines: bool
    resume: bool
    stream: bool = False

    def check_streamed(self, server: str | None) -> None:
        """Check that the other options are compatible with --stream.

        Raises:
            typer.BadParameter: they are not.
        """
        if server is None:
            raise typer.BadParameter("--stream needs a server: add --server URL")
        if self.output_dir or self.formats or self.as_json or self.resume:
            raise typer.BadParameter("--stream allows --json-lines, but not -o, -f, --json or --resume")

    def output(self, found: "Sequence[Source]") -> "Output":
        """Return where the answers about these recordings go.

        Raises:
            typer.BadParameter: the options contradict each other, or two recordings would share a file.
        """
        from timeaudio.outputs import Output, OutputFolder

        named = self.formats or ["json"]
        formats = [name for name in FORMAT_NAMES if name in named or ALL in named]
        if self.resume and self.output_dir is None:
            raise typer.BadParameter("--resume looks for files in a folder: add -o DIR")
        if self.as_json or self.json_lines:
            if self.formats and self.output_dir is None:
                raise typer.BadParameter("use either -f or --json, or write files with -o DIR")
            shown: Shown = "json_lines" if self.json_lines or len(found) > 1 else "json"
        elif self.output_dir is not None:
            shown = "nothing"
        elif self.formats is None:
            shown = "tables"
        elif len(formats) == len(found) == 1:
            shown = "text"
        else:
            raise typer.BadParameter("-f alone prints one answer in one format: write several to files with -o DIR")
        if self.output_dir is None:
            return Output(shown=shown, formats=formats)
        try:
            folder = OutputFolder(self.output_dir, found)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        return Output(shown=shown, formats=formats, folder=folder, resume=self.resume)
