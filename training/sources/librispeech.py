"""Read LibriSpeech: utterances of a chapter joined into long recordings with a timeline, and plain transcriptions.

Files: `READER/CHAPTER/READER-CHAPTER.trans.txt` (`READER-CHAPTER-0000 WORDS IN CAPITALS`) and a FLAC for each line.

Source: Panayotov et al. 2015; paper, appendix A: "Librispeech segments are merged to achieve an long audio part".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples
from training.data.instructions import TRANSCRIBE_INSTRUCTIONS, pick
from training.data.manifest import Annotation, Row
from training.data.recordings import DataError
from training.data.tts import MAX_SECONDS
from training.data.wav import write_wav
from training.data.writer import Writer
from training.sources.questions import escaped

GAP_SAMPLES = SAMPLE_RATE // 5
"""Silence between utterances, because the corpus removed the readers' own pauses."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One line of a transcript with its recording."""

    name: str
    path: Path
    text: str


def read_chapters(folder: Path) -> Iterator[list[Utterance]]:
    """Yield the utterances of each chapter, in order, by reader and chapter.

    Raises:
        DataError: there is no transcript, or an utterance has no recording.
    """
    transcripts = sorted(folder.rglob("*.trans.txt"))
    if not transcripts:
        raise DataError(f"{folder} holds no *.trans.txt: unpack a part of LibriSpeech there (train-clean-100.tar.gz).")
    for transcript in transcripts:
        chapter = []
        for line in transcript.read_text(encoding="utf-8").splitlines():
            name, _, text = line.strip().partition(" ")
            path = transcript.parent / f"{name}.flac"
            if not path.is_file():
                raise DataError(f"{path} is missing, but {transcript.name} names it: unpack the archive again.")
            chapter.append(Utterance(name, path, text))
        yield chapter


def timelines(
    folder: Path, out: Path, writer: Writer, *, min_seconds: float = 30.0, max_seconds: float = MAX_SECONDS
) -> Iterator[Row]:
    """Join consecutive utterances of a chapter into recordings of at most `max_seconds`; each utterance gets a summary.

    A remainder of a chapter that is shorter than `min_seconds` is left out.
    """
    for chapter in read_chapters(folder):
        taken: list[tuple[Utterance, Samples]] = []
        for utterance in [*chapter, None]:
            samples = (
                None if utterance is None else decode_audio(utterance.path.read_bytes(), max_seconds=600.0).samples
            )
            used = sum(len(s) + GAP_SAMPLES for _, s in taken)
            is_full = samples is not None and used + len(samples) > max_seconds * SAMPLE_RATE
            if (utterance is None or is_full) and taken:
                if used - GAP_SAMPLES >= min_seconds * SAMPLE_RATE:
                    yield _joined(taken, out, writer)
                taken = []
            if utterance is not None and samples is not None and len(samples) <= max_seconds * SAMPLE_RATE:
                taken.append((utterance, samples))


def _joined(taken: list[tuple[Utterance, Samples]], out: Path, writer: Writer) -> Row:
    gap = np.zeros(GAP_SAMPLES, dtype=np.float32)
    position, events = 0, []
    for utterance, samples in taken:
        span = (round(position / SAMPLE_RATE, 3), round((position + len(samples)) / SAMPLE_RATE, 3))
        events.append(Annotation((span,), writer.summarise(utterance.text, utterance.name)))
        position += len(samples) + len(gap)
    whole = np.concatenate([part for _, samples in taken for part in (samples, gap)])[: -len(gap)]
    path = out / f"{taken[0][0].name}_{len(taken)}.wav"
    write_wav(path, whole)
    return Row(
        id=f"librispeech-{path.stem}", audio=str(path.resolve()), task="summarize", events=tuple(events),
        duration=round(len(whole) / SAMPLE_RATE, 3), source="librispeech",
    )  # fmt: skip


def transcriptions(folder: Path) -> Iterator[Row]:
    """Yield a row for each utterance: its text in lower case. These rows preserve general skills, as in the paper."""
    for chapter in read_chapters(folder):
        for utterance in chapter:
            yield Row(
                id=f"librispeech-{utterance.name}", audio=str(utterance.path.resolve()), task="ask",
                question=pick(TRANSCRIBE_INSTRUCTIONS, utterance.name),
                answer=escaped(utterance.text.capitalize() + "."), source="librispeech",
            )  # fmt: skip
