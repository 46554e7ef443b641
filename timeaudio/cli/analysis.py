"""The four analysis commands: `caption`, `ground`, `summarize`, `ask`. They share all options but the words.

Recordings are files, folders, quoted patterns, or `-` for standard input. Answers are printed as tables; with -o they
are files, one per recording and format.
"""

from typing import Annotated

import typer

from timeaudio.cli.dispatch import follow, run, split
from timeaudio.cli.options import (
    RECORDINGS,
    AsJson,
    End,
    Files,
    Formats,
    JsonLines,
    MinConfidence,
    ModelDir,
    OutputDir,
    OutputOptions,
    Resume,
    ServerUrl,
    Start,
    Streamed,
    Track,
    checked_part,
)


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command, epilog in (
        (caption, _CAPTION_EXAMPLES),
        (ground, _GROUND_EXAMPLES),
        (summarize, _SUMMARIZE_EXAMPLES),
        (ask, _ASK_EXAMPLES),
    ):
        app.command(epilog=epilog)(command)


_CAPTION_EXAMPLES = """
Examples:

timeaudio caption street.flac

timeaudio caption recordings/ -o answers -f srt -f json --resume --server http://127.0.0.1:8000

timeaudio caption 'day*/*.wav' --json-lines > events.jsonl

timeaudio caption street.flac --stream --server grpc://127.0.0.1:9000

ffmpeg -i film.mkv -f wav - | timeaudio caption - -f vtt > film.vtt
"""


def caption(
    files: Files,
    output_dir: OutputDir = None,
    formats: Formats = None,
    as_json: AsJson = False,
    json_lines: JsonLines = False,
    resume: Resume = False,
    stream: Streamed = False,
    start: Start = None,
    end: End = None,
    track: Track = None,
    min_confidence: MinConfidence = None,
    server: ServerUrl = None,
    model: ModelDir = None,
) -> None:
    """List every sound event in each FILE, and when it happens."""
    output = OutputOptions(output_dir, formats, as_json, json_lines, resume, stream)
    part = checked_part(start, end, track, min_confidence)
    if stream:
        follow(files, lambda client, audio: client.stream_dense_caption(audio, **part), output, server, model)
    run(files, lambda backend, audio: backend.dense_caption(audio, **part), output, server, model)


_GROUND_EXAMPLES = """
Examples:

timeaudio ground street.flac 'a dog barks' rain

timeaudio ground recordings/ more.wav -q 'a dog barks' -q rain -o answers -f tsv

An event table has no row for an absent query; JSON says `"present": false`.
"""


def ground(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE QUERY",
            help=f"A recording, and what to look for in it; quote each query. With -q: {RECORDINGS}",
        ),
    ],
    queries: Annotated[
        list[str] | None,
        typer.Option("--query", "-q", help="What to look for; repeatable. All arguments are then recordings."),
    ] = None,
    output_dir: OutputDir = None,
    formats: Formats = None,
    as_json: AsJson = False,
    json_lines: JsonLines = False,
    resume: Resume = False,
    stream: Streamed = False,
    start: Start = None,
    end: End = None,
    track: Track = None,
    min_confidence: MinConfidence = None,
    server: ServerUrl = None,
    model: ModelDir = None,
) -> None:
    """Find when each QUERY happens in FILE, or that it does not."""
    files, wanted = split(words, queries, "QUERY", "-q")
    output = OutputOptions(output_dir, formats, as_json, json_lines, resume, stream)
    part = checked_part(start, end, track, min_confidence)
    if stream:
        follow(files, lambda client, audio: client.stream_ground(audio, wanted, **part), output, server, model)
    run(files, lambda backend, audio: backend.ground(audio, wanted, **part), output, server, model)


_SUMMARIZE_EXAMPLES = """
Examples:

timeaudio summarize talk.mp3

timeaudio summarize talks/ -o summaries -f vtt -f textgrid
"""


def summarize(
    files: Files,
    output_dir: OutputDir = None,
    formats: Formats = None,
    as_json: AsJson = False,
    json_lines: JsonLines = False,
    resume: Resume = False,
    stream: Streamed = False,
    start: Start = None,
    end: End = None,
    track: Track = None,
    min_confidence: MinConfidence = None,
    server: ServerUrl = None,
    model: ModelDir = None,
) -> None:
    """Summarize the speech in each FILE, segment by segment. Needs a checkpoint that was trained for it."""
    output = OutputOptions(output_dir, formats, as_json, json_lines, resume, stream)
    part = checked_part(start, end, track, min_confidence)
    if stream:
        follow(files, lambda client, audio: client.stream_summarize(audio, **part), output, server, model)
    run(files, lambda backend, audio: backend.summarize(audio, **part), output, server, model)


_ASK_EXAMPLES = """
Examples:

timeaudio ask street.flac 'How often does the dog bark?'

timeaudio ask meeting.mp3 'Who speaks first?' --start 600 --end 720

timeaudio ask recordings/ -q 'Is anybody speaking?' --json-lines
"""


def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE QUESTION",
            help=f"A recording, and a question about it in quotes. With -q: {RECORDINGS}",
        ),
    ],
    question: Annotated[
        str | None,
        typer.Option("--question", "-q", metavar="QUESTION", help="The question. All arguments are then recordings."),
    ] = None,
    output_dir: OutputDir = None,
    formats: Formats = None,
    as_json: AsJson = False,
    json_lines: JsonLines = False,
    resume: Resume = False,
    stream: Streamed = False,
    start: Start = None,
    end: End = None,
    track: Track = None,
    min_confidence: MinConfidence = None,
    server: ServerUrl = None,
    model: ModelDir = None,
) -> None:
    """Answer a QUESTION about each FILE. Needs a checkpoint that was trained for it."""
    files, [question_text, *more] = split(words, None if question is None else [question], "QUESTION", "-q")
    if more:
        raise typer.BadParameter("put the question in quotes; only one is allowed. For several files: -q QUESTION")
    output = OutputOptions(output_dir, formats, as_json, json_lines, resume, stream)
    part = checked_part(start, end, track, min_confidence)
    if stream:
        follow(files, lambda client, audio: client.stream_ask(audio, question_text, **part), output, server, model)
    run(files, lambda backend, audio: backend.ask(audio, question_text, **part), output, server, model)
