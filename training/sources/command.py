"""Build manifests from published data sets, and check manifests: `timeaudio data`."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from training.data.instructions import INSTRUCTIONS
from training.data.manifest import ManifestError, Row, write_manifest
from training.data.recordings import DataError
from training.data.tts import available_engines, make_synthesiser
from training.data.validate import duplicate_ids, read_manifest
from training.data.voices import ENGINES
from training.data.writer import EndpointWriter, OfflineWriter, Writer
from training.sources import (
    audiogrounding,
    audioset_strong,
    audiotime,
    benchmark,
    cnn_dailymail,
    ftar,
    librispeech,
    questions,
    scenes,
    tacos,
    tasks,
)
from training.sources.reading import RecordingIndex

EXAMPLE = """examples:
  timeaudio data audioset-strong --labels audioset_train_strong.tsv --names mid_to_display_name.tsv \\
      --audio audioset/train --out audioset.jsonl
  timeaudio data cnn-dailymail --articles cnn/stories --speech speech/ --out cnn.jsonl
  timeaudio data join audioset.jsonl cnn.jsonl --out train.jsonl
  timeaudio data check train.jsonl"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line: `timeaudio data`."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except ManifestError as error:
        if arguments.run is check:
            print("\n".join(error.problems))
            print(f"timeaudio data: {len(error.problems)} problems in {arguments.manifest}.", file=sys.stderr)
        else:
            print(f"timeaudio data: {error}", file=sys.stderr)
        return 1
    except (DataError, OSError) as error:
        print(f"timeaudio data: {error}", file=sys.stderr)
        return 2
    return status


def check(arguments: argparse.Namespace) -> int:
    """Validate a manifest. Print its contents by task; problems are raised as `ManifestError`."""
    rows = read_manifest(arguments.manifest)
    count_of_task = Counter(row.task for row in rows)
    lengths = {row.audio: row.duration or 0.0 for row in rows}
    print(f"{arguments.manifest}: {len(rows)} lines, {len(lengths)} recordings, {sum(lengths.values()) / 3600:.2f} h.")
    for task, number in sorted(count_of_task.items()):
        print(f"  {task:14} {number}")
    return 0


def join(arguments: argparse.Namespace) -> int:
    """Join several manifests. Audio paths become absolute, and colliding ids get their manifest's name as a prefix."""
    each = [(manifest, read_manifest(manifest)) for manifest in arguments.manifests]
    count = Counter(row.id for _, rows in each for row in rows)
    joined = [
        replace(
            row, audio=str(row.path(manifest.parent.resolve())),
            id=row.id if count[row.id] == 1 else f"{manifest.stem}-{row.id}",
        )
        for manifest, rows in each
        for row in rows
    ]  # fmt: skip
    if duplicates := duplicate_ids(joined):
        raise ManifestError(arguments.out, duplicates)
    print(f"{arguments.out}: {write_manifest(arguments.out, joined)} lines.")
    return 0


def rephrase(arguments: argparse.Namespace) -> int:
    """Print the endpoint's rewordings of a task's instructions, for people to choose from (appendix A, step I)."""
    writer = _writer(arguments)
    for instruction in INSTRUCTIONS[arguments.task]:
        print(instruction)
        for text in writer.rephrase(instruction, arguments.count):
            print(f"    {text}")
    return 0


def _build(rows_of: Callable[[argparse.Namespace, RecordingIndex, Writer], Iterable[Row]]) -> Callable[..., int]:
    def run(arguments: argparse.Namespace) -> int:
        recordings = RecordingIndex(arguments.audio or Path())
        writer = _writer(arguments)
        try:
            count = write_manifest(arguments.out, rows_of(arguments, recordings, writer))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"A row has another format than the data set's own files: {error!r}.") from error
        print(f"{arguments.out}: {count} lines.")
        if recordings.missing:
            some = ", ".join(sorted(recordings.missing)[:3])
            print(f"{len(recordings.missing)} recordings are missing; their rows are left out: {some} ...")
        if isinstance(writer, EndpointWriter) and writer.num_replaced:
            print(f"{writer.num_replaced} answers of the endpoint were unusable; templates replaced them.")
        if not count:
            why = f"none of the recordings is in {arguments.audio}" if arguments.audio else "no row is usable"
            raise DataError(f"No line was written: {why}.")
        return 0

    return run


def _writer(arguments: argparse.Namespace) -> Writer:
    if not arguments.endpoint:
        return OfflineWriter()
    memory = arguments.memory or Path("endpoint-answers.jsonl")
    return EndpointWriter(arguments.endpoint, arguments.model, memory)


def _audioset(arguments: argparse.Namespace, recordings: RecordingIndex, writer: Writer) -> Iterator[Row]:
    clips = audioset_strong.read_clips(arguments.labels, arguments.names)
    dense = audioset_strong.dense_captions(clips, recordings, writer)
    if arguments.evaluation:
        yield from audioset_strong.evaluation_subset(dense)
        return
    yield from dense
    yield from audioset_strong.groundings(clips, recordings, writer, arguments.absent_share)


def _cnn(arguments: argparse.Namespace, recordings: RecordingIndex, writer: Writer) -> Iterator[Row]:
    engine = arguments.engine or available_engines()[0]
    print(f"Speaking with {engine}.", file=sys.stderr)
    synthesiser = make_synthesiser(engine, reference=arguments.voice, reference_text=arguments.voice_text)
    max_characters = cnn_dailymail.EVALUATION_CHARACTERS if arguments.evaluation else None
    articles = cnn_dailymail.read_articles(arguments.articles)[: arguments.limit]
    return cnn_dailymail.timelines(articles, arguments.speech, synthesiser, max_characters=max_characters)


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="timeaudio data", description=__doc__, epilog=EXAMPLE, formatter_class=formatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def source(
        name: str, text: str, rows_of: Callable[..., Iterable[Row]], *paths: str, writes: bool = False
    ) -> argparse.ArgumentParser:
        """Add a builder's command. If it `writes` sentences, it takes the endpoint options."""
        command = commands.add_parser(name, help=text, description=text)
        for path in paths:
            command.add_argument(f"--{path}", type=Path, required=True, metavar="PATH")
        if "audio" not in paths:
            command.set_defaults(audio=None)
        command.add_argument("--out", type=Path, required=True, metavar="FILE", help="manifest to write")
        command.set_defaults(run=_build(rows_of), endpoint=None)
        if writes:
            _endpoint_options(command)
        return command

    audioset = source("audioset-strong", "AudioSet's strong labels", _audioset, "labels", "names", "audio", writes=True)
    audioset.add_argument("--absent-share", type=float, default=0.0, help="share of clips with an absent query")
    audioset.add_argument("--evaluation", action="store_true", help="only 770 dense captions, as in the paper")
    source("tacos", "TACOS", lambda a, r, w: tacos.dense_captions(a.annotations, r), "annotations", "audio")
    source("audiotime", "AudioTime", lambda a, r, w: audiotime.dense_captions(a.captions, r, w), "captions", "audio",
           writes=True)  # fmt: skip
    source("audiogrounding", "AudioGrounding", lambda a, r, w: audiogrounding.groundings(a.items, r), "items", "audio")
    cnn = source("cnn-dailymail", "CNN/DailyMail, read aloud", _cnn, "articles", "speech")
    cnn.add_argument("--engine", choices=ENGINES, help="default: the best installed")
    cnn.add_argument("--voice", type=Path, help="recording that F5-TTS imitates")
    cnn.add_argument("--voice-text", default="", help="text of that recording")
    cnn.add_argument("--limit", type=int, help="use only the first N articles")
    cnn.add_argument("--evaluation", action="store_true", help="only articles under 1600 characters, as in the paper")
    source(
        "librispeech", "LibriSpeech, joined to timelines",
        lambda a, r, w: librispeech.timelines(a.corpus, a.speech, w), "corpus", "speech", writes=True,
    )  # fmt: skip
    source("transcription", "LibriSpeech, as it is", lambda a, r, w: librispeech.transcriptions(a.corpus), "corpus")
    openaqa = source("openaqa", "OpenAQA's temporal questions",
                     lambda a, r, w: questions.open_aqa(a.questions, r, a.count), "questions", "audio")  # fmt: skip
    openaqa.add_argument("--count", type=int, default=questions.OPEN_AQA_ROWS, help="rows (default: %(default)s)")
    source("audiocaps", "AudioCaps", lambda a, r, w: questions.audiocaps(a.captions, r), "captions", "audio")
    source("clotho", "Clotho", lambda a, r, w: questions.clotho(a.captions, r), "captions", "audio")
    source("ftar", "the authors' own JSON", _ftar, "json", "audio")
    scenes.add_options(commands.add_parser("scenes", help="compose scenes from labelled recordings"))
    tasks.add_options(commands.add_parser("tasks", help="write questions and answers about composed scenes"))
    own = commands.add_parser("benchmark", help="write a reproducible benchmark of composed scenes")
    benchmark.add_options(own)
    check_parser = commands.add_parser("check", help="list every problem of a manifest")
    check_parser.add_argument("manifest", type=Path)
    check_parser.set_defaults(run=check)
    joined = commands.add_parser("join", help="join several manifests")
    joined.add_argument("manifests", type=Path, nargs="+")
    joined.add_argument("--out", type=Path, required=True, metavar="FILE")
    joined.set_defaults(run=join)
    rephrase_parser = commands.add_parser(
        "rephrase", help="ask an endpoint for other wordings of a task's instructions"
    )
    rephrase_parser.add_argument("task", choices=list(INSTRUCTIONS))
    rephrase_parser.add_argument("--count", type=int, default=6)
    _endpoint_options(rephrase_parser)
    rephrase_parser.set_defaults(run=rephrase)
    return parser


def _ftar(arguments: argparse.Namespace, recordings: RecordingIndex, writer: Writer) -> Iterator[Row]:
    report = ftar.FtarReport()
    yield from ftar.read_ftar(arguments.json, recordings, report)
    print(f"{report.num_timed} answers became events; {len(report.as_prose)} with numbers stay text.", file=sys.stderr)


def _endpoint_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--endpoint", metavar="URL", help="OpenAI-compatible API (.../v1); default: templates")
    command.add_argument("--model", default="qwen2.5", help="the endpoint's model (default: %(default)s)")
    command.add_argument("--memory", type=Path, metavar="FILE", help="file that keeps its answers")


if __name__ == "__main__":
    sys.exit(main())
