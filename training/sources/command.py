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
from training.data.writer import EndpointWriter, Writer
from training.options.data import parse
from training.sources import (
    audiogrounding,
    audioset_strong,
    audiotime,
    benchmark,
    cnn_dailymail,
    ftar,
    lexicon,
    librispeech,
    questions,
    scenes,
    sections,
    spoken,
    tacos,
    tasks,
)
from training.sources.reading import RecordingIndex


def main(argv: list[str] | None = None) -> int:
    """Run the command line: `timeaudio data`."""
    arguments = parse(argv)
    try:
        status = RUNS[arguments.command](arguments)
    except ManifestError as error:
        if arguments.command == "check":
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
    """Join several manifests. Audio paths become absolute, and colliding ids get their manifest's name as a prefix.

    If several manifests have the same name, the prefix also has the name of their folder.
    """
    each = [(manifest, read_manifest(manifest)) for manifest in arguments.manifests]
    count = Counter(row.id for _, rows in each for row in rows)
    stems = Counter(manifest.stem for manifest, _ in each)
    names = {m: m.stem if stems[m.stem] == 1 else f"{m.resolve().parent.name}-{m.stem}" for m, _ in each}
    joined = [
        replace(
            row, audio=str(row.path(manifest.parent.resolve())),
            id=row.id if count[row.id] == 1 else f"{names[manifest]}-{row.id}",
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
        return Writer()
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


def _ftar(arguments: argparse.Namespace, recordings: RecordingIndex, writer: Writer) -> Iterator[Row]:
    report = ftar.FtarReport()
    yield from ftar.read_ftar(arguments.json, recordings, report)
    print(f"{report.num_timed} answers became events; {len(report.as_prose)} with numbers stay text.", file=sys.stderr)


RUNS: dict[str, Callable[[argparse.Namespace], int]] = {
    "audioset-strong": _build(_audioset),
    "tacos": _build(lambda a, r, w: tacos.dense_captions(a.annotations, r)),
    "audiotime": _build(lambda a, r, w: audiotime.dense_captions(a.captions, r, w)),
    "audiogrounding": _build(lambda a, r, w: audiogrounding.groundings(a.items, r)),
    "cnn-dailymail": _build(_cnn),
    "librispeech": _build(lambda a, r, w: librispeech.timelines(a.corpus, a.speech, w)),
    "transcription": _build(lambda a, r, w: librispeech.transcriptions(a.corpus)),
    "openaqa": _build(lambda a, r, w: questions.open_aqa(a.questions, r, a.count)),
    "audiocaps": _build(lambda a, r, w: questions.audiocaps(a.captions, r)),
    "clotho": _build(lambda a, r, w: questions.clotho(a.captions, r)),
    "ftar": _build(_ftar),
    "scenes": scenes.run,
    "sections": sections.run,
    "spoken": spoken.run,
    "lexicon": lexicon.run,
    "tasks": tasks.run,
    "benchmark": benchmark.run,
    "check": check,
    "join": join,
    "rephrase": rephrase,
}
"""What each command of `training.options.data` runs."""
