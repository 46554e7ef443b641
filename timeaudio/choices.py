"""The options that the four commands share: how they are spelt, and what they come to together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timeaudio.formats import FORMAT_NAMES

if TYPE_CHECKING:
    from timeaudio.inputs import Source
    from timeaudio.outputs import Output, Shown

ALL = "all"
_CHOICES = (*FORMAT_NAMES, ALL)
_WHERE = "Where answers go (without any of these: tables and timelines, for reading)"
_WHO = "Who answers (without any of these: the embedded model, in this process)"
RECORDINGS = "files, folders (searched for recordings), 'patterns*.wav' in quotes, or - for standard input."


def _known(names: list[str] | None) -> list[str] | None:
    for name in names or []:
        if name not in _CHOICES:
            raise typer.BadParameter(f"{name!r} is no format; there are {', '.join(_CHOICES)}")
    return names


Files = Annotated[list[Path], typer.Argument(metavar="FILE", help=f"Recordings: {RECORDINGS}")]
ModelDir = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="DIR",
        rich_help_panel=_WHO,
        help="Checkpoint directory to load here, instead of the embedded one.",
    ),
]
ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        rich_help_panel=_WHO,
        help="Ask the server at this address, http://... or grpc://...; nothing is loaded here. "
        "A key is taken from TIMEAUDIO_API_KEY.",
    ),
]
OutputDir = Annotated[
    Path | None,
    typer.Option(
        "--output-dir",
        "--output_dir",
        "-o",
        metavar="DIR",
        rich_help_panel=_WHERE,
        help="Store answers here, as files: street.flac becomes street.json.",
    ),
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
        help=f"Format of the files: {', '.join(_CHOICES)}; may be repeated. Without -o: of the one answer printed.",
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
    typer.Option("--json-lines", rich_help_panel=_WHERE, help="Print one line of JSON per recording, also for one."),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", rich_help_panel=_WHERE, help="With -o: leave out recordings whose files are all there already."
    ),
]
Streamed = Annotated[
    bool,
    typer.Option(
        "--stream",
        rich_help_panel=_WHERE,
        help="With --server: print a line for each event as soon as it is found; with --json-lines, of JSON.",
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options that say where answers go, as they were given."""

    output_dir: Path | None
    formats: list[str] | None
    as_json: bool
    json_lines: bool
    resume: bool
    stream: bool = False

    def check_streamed(self, server: str | None) -> None:
        """Raise where the other options do not go with --stream.

        Raises:
            typer.BadParameter: they do not.
        """
        if server is None:
            raise typer.BadParameter("--stream asks a server: name it with --server URL")
        if self.output_dir or self.formats or self.as_json or self.resume:
            raise typer.BadParameter("--stream prints lines: it goes with --json-lines, and not with -o, -f or --json")

    def output(self, found: "Sequence[Source]") -> "Output":
        """What is done with the answers about these recordings.

        Raises:
            typer.BadParameter: the options contradict each other, or two recordings would share a file.
        """
        from timeaudio.outputs import Folder, Output

        named = self.formats or ["json"]
        formats = [name for name in FORMAT_NAMES if name in named or ALL in named]
        if self.resume and self.output_dir is None:
            raise typer.BadParameter("--resume looks for files in a folder: name it with -o DIR")
        if self.as_json or self.json_lines:
            if self.formats and self.output_dir is None:
                raise typer.BadParameter("give -f or --json, not both, or store the files with -o DIR")
            shown: Shown = "json_lines" if self.json_lines or len(found) > 1 else "json"
        elif self.output_dir is not None:
            shown = "nothing"
        elif self.formats is None:
            shown = "tables"
        elif len(formats) == len(found) == 1:
            shown = "text"
        else:
            raise typer.BadParameter("several answers do not fit on standard output: store them with -o DIR")
        if self.output_dir is None:
            return Output(shown=shown, formats=formats)
        try:
            folder = Folder(self.output_dir, found)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        return Output(shown=shown, formats=formats, folder=folder, resume=self.resume)
