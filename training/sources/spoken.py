"""Write clips of speech of 3 to 15 s with the time of every word: `timeaudio data spoken`.

Real speech comes from folders with `clips.csv` and `audio/`: the rows of category speech or, in a table without that
column, all rows. Column `transcript` or `text` holds the words. A Whisper checkpoint transcribes clips without them.
Synthetic speech reads sentences aloud with the engines of `training.data.tts`. Readers and sentences are split by
a hash of their names, as `timeaudio data scenes` splits sources: folds 1 to 3 train, 4 validates. Voices are split by
`training.data.voices.HELD_OUT`.

Each clip is written with its line of the manifest beside it, so an interrupted command can resume.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from model.errors import AudioError, AudioTooLong
from model.timeline.words import OTHER_LANGUAGE
from training.data.acoustics import Samples
from training.data.draws import choose
from training.data.manifest import Row, SpokenWord, write_manifest
from training.data.pools import Side, in_side
from training.data.recordings import DataError, active_region, fold_of_row, fold_of_source, read_table
from training.data.tts import is_installed, synthesise
from training.data.vocabulary import kind_of_label
from training.data.voices import ENGLISH, HELD_OUT, VOICES, Voice, voices_of
from training.data.word_times import divide_time, plain_words
from training.sources.scenes import TRAINING_SPEEDS, check_scene_settings
from training.sources.speech_clips import DRY, KIND, RECORDED, SPEECH_S, ClipWriter, cut_speech

MANIFEST = "spoken.jsonl"
READING_S = 29.0
"""Longer recordings are left out: Whisper reads 30 s at once."""

WORDS = (8, 30)
"""Range of the words that a voice speaks in one clip: whole sentences, until they reach a number drawn from it."""

VOICE_SPEEDS = (0.85, 1.25)


ReadWords = Callable[[Samples, str | None], list[SpokenWord]]
"""Times the words of a recording whose text is known or, if it is None, recognises them: `SpeechReader.read`."""


@dataclass(frozen=True, slots=True)
class SpokenRecording:
    """A recording of one reader. Without a transcript, `text` is None."""

    path: Path
    reader: str
    text: str | None


def read_speech(directories: Sequence[Path], side: Side) -> list[SpokenRecording]:
    """Return the speech of one side's readers. The first fold given for a reader applies to all of the reader's clips.

    Raises:
        DataError: a table or a column is missing, or a fold is not a number.
    """
    found = []
    folds: dict[str, int] = {}
    for directory in directories:
        for row in read_table(directory / "clips.csv", ("filename",)):
            if "category" in row and kind_of_label(row["category"]) != KIND:
                continue
            reader = row.get("speaker") or row.get("source") or directory.resolve().name
            fold = folds.setdefault(reader, fold_of_row(row, directory / "clips.csv") if row.get("fold") else 0)
            if in_side(fold or fold_of_source(reader), side):
                text = row.get("transcript") or row.get("text") or None
                found.append(SpokenRecording(directory / "audio" / row["filename"], reader, text))
    return found


def read_sentences(path: Path, side: Side) -> list[str]:
    """Return the sentences of one side, from a file with one per line.

    Raises:
        DataError: the file does not exist, or has no such sentence.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist: --sentences takes a text file with one sentence per line.")
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    found = [line for line in lines if any(c.isalpha() for c in line) and in_side(fold_of_source(line), side)]
    if not found:
        raise DataError(f"{path} has no sentence to {side} on: a quarter of its lines validate, the others train.")
    return found


def installed_voices(engines: Sequence[str] | None, side: Side) -> list[Voice]:
    """Return one side's voices of the engines; None: all engines but `tones` and F5-TTS, which needs a reference.

    Raises:
        DataError: none is installed.
    """
    chosen = engines or ("espeak-ng", "flite", "festival")
    voices = [voice for voice in VOICES if voice.engine in chosen and is_installed(voice)]
    found = [voice for voice in voices if (voice in HELD_OUT) == (side == "validate")]
    if not found:
        raise DataError(f"No voice to {side} with is installed for {', '.join(chosen)}: install one, or name others.")
    return found


def group_sentences(sentences: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    """Yield texts of consecutive sentences, endlessly. Each has about as many words as `WORDS` says."""
    while sentences:
        text, most = "", int(rng.integers(*WORDS))
        for sentence in sentences:
            text = f"{text} {sentence}".strip()
            if len(text.split()) >= most:
                yield text
                text, most = "", int(rng.integers(*WORDS))
        if text:
            yield text


def time_words(samples: Samples, text: str | None, read: ReadWords | None) -> list[SpokenWord]:
    """Return the words of a recording with their times: as `read` finds them or, without it, by their letters."""
    if read:
        return read(samples, text)
    first, last = active_region(samples)
    return divide_time(plain_words(text or ""), first / SAMPLE_RATE, last / SAMPLE_RATE)


def real_rows(
    recordings: Sequence[SpokenRecording], read: ReadWords | None, writer: ClipWriter, copies: int
) -> list[Row]:
    """Write clips of recorded speech."""
    rows: list[Row] = []
    stems = Counter(recording.path.stem for recording in recordings)
    for recording in track(recordings, description="recordings", console=Console(stderr=True), disable=not recordings):
        name = f"real-{recording.path.stem}"
        if stems[recording.path.stem] > 1:
            name += f"-{hashlib.sha256(bytes(recording.path.resolve())).hexdigest()[:8]}"
        if (kept := writer.rows(name)) is None:
            if recording.text is None and read is None:
                writer.left_out["without a transcript"] += 1
                continue
            try:
                samples = decode_audio(recording.path.read_bytes(), max_seconds=READING_S).samples
            except AudioTooLong:
                writer.left_out[f"over {READING_S:g} s"] += 1
                continue
            except AudioError:
                writer.left_out["unreadable"] += 1
                continue
            pieces = list(cut_speech(samples, time_words(samples, recording.text, read)))
            kept = writer.write(name, recording.reader, pieces, copies)
        writer.left_out["too short, or without words"] += not kept
        rows += kept
    return rows


def synthetic_rows(
    texts: Iterator[str],
    voices: Sequence[Voice],
    read: ReadWords | None,
    writer: ClipWriter,
    count: int,
    seed: int,
) -> list[Row]:
    """Write `count` clips of synthetic speech, less those that come out too long."""
    rows: list[Row] = []
    for number in track(range(count), description="sentences", console=Console(stderr=True)):
        text, rng = next(texts), np.random.default_rng([seed, number])
        voice, speed = choose(voices, rng), float(rng.uniform(*VOICE_SPEEDS))
        name = f"said-{number:06d}"
        if (kept := writer.rows(name)) is None:
            try:
                samples = synthesise(voice, text, speed)
            except DataError:
                writer.left_out["that the synthesiser failed on"] += 1
                continue
            first, last = active_region(samples)
            fits = 0 < last - first <= SPEECH_S * SAMPLE_RATE and np.abs(samples).max() > 0
            pieces = list(cut_speech(samples, time_words(samples, text, read))) if fits else []
            kept = writer.write(name, f"{voice.engine} {voice.name}", pieces, 1)
        writer.left_out["too short, too long, or without words"] += not kept
        rows += kept
    return rows


def mark_words(samples: Samples, text: str | None) -> list[SpokenWord]:
    """Return a mark for each word of a text in another language. This is a `ReadWords` that recognises nothing."""
    first, last = active_region(samples)
    marks = [OTHER_LANGUAGE] * len((text or "").split())
    return divide_time(marks, first / SAMPLE_RATE, last / SAMPLE_RATE)


def run(arguments: argparse.Namespace) -> int:
    """Write the clips and the manifest."""
    side: Side = arguments.side
    if not arguments.recordings and not arguments.sentences:
        raise DataError("Nothing to write: name folders with --recordings, or a text file with --sentences.")
    recordings = read_speech(arguments.recordings, side)
    is_english = arguments.language.partition("-")[0] == ENGLISH
    voices = []
    if arguments.sentences:
        voices = installed_voices(arguments.engine, side) if is_english else voices_of(arguments.language, side)
    sentences = read_sentences(arguments.sentences, side) if arguments.sentences else []
    read = _reader(arguments.whisper) if arguments.whisper else None
    check_scene_settings(arguments.out, {
        "side": side, "seed": arguments.seed, "copies": arguments.copies, "plain": arguments.plain,
        "recordings": [str(path.resolve()) for path in arguments.recordings],
        "sentences": str(arguments.sentences.resolve()) if arguments.sentences else "",
        "voices": [f"{voice.engine} {voice.name}" for voice in voices],
        "whisper": str(arguments.whisper.resolve()) if arguments.whisper else "",
    })  # fmt: skip
    writer = ClipWriter(
        arguments.out, DRY if arguments.plain else RECORDED, TRAINING_SPEEDS if side == "train" else (1.0,),
        arguments.seed,
    )  # fmt: skip
    rows = real_rows(recordings, read, writer, arguments.copies)
    if sentences:
        texts = group_sentences(sentences, np.random.default_rng(arguments.seed))
        read = read if is_english else mark_words
        rows += synthetic_rows(texts, voices, read, writer, arguments.count, arguments.seed)
    if not rows:
        raise DataError(f"No clip was written. Left out: {_reasons(writer.left_out)}.")
    write_manifest(arguments.out / MANIFEST, rows)
    hours = sum(row.duration or 0.0 for row in rows) / 3600
    readers, words = len({row.source for row in rows}), sum(len(row.words) for row in rows)
    print(f"{arguments.out / MANIFEST}: {len(rows)} clips, {hours:.2f} h, {readers} readers, {words} words.")
    if reasons := _reasons(writer.left_out):
        print(f"Left out: {reasons}.", file=sys.stderr)
    return 0


def _reader(folder: Path) -> ReadWords:
    from training.data.speech_reader import SpeechReader  # importing transformers takes seconds, and few runs need it

    return SpeechReader(folder).read


def _reasons(left_out: Counter[str]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in left_out.items() if number)
