"""What a checkpoint tells of speech, and whether it is right: what the confidence of its summaries is fitted to.

A section is right where its time is (IoU 0.5 or more) and so is every word. About other talk than bulletins whatever it
tells is wrong: so it learns to be unsure of what it makes up.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from model.audio.decode import decode_audio
from model.language.prompt import question_of
from model.pipeline import Pipeline
from model.timeline.interval import TENTHS_PER_SECOND, Interval
from training.data.manifest import Row
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.sources.reading import SUFFIXES
from training.told import RIGHT_IOU, Told, intervals_of

MOST_SECONDS = 150.0
TOGETHER = 8
"""Recordings whose summaries are written side by side."""

Talk = tuple[Path, Sequence[tuple[Interval, str]]]
"""A recording, and the sections of its summary."""


def hear_speech(pipeline: Pipeline, bulletins: Path, talk: Path | None) -> tuple[list[Told], list[Told]]:
    """What is told of one half of the speech, and of the other: no voice reads bulletins in both.

    Args:
        bulletins: a manifest of `timeaudio data bulletins`.
        talk: a folder of other speech: every second recording, by name, goes to either half.

    Raises:
        DataError: there are bulletins of fewer than two voices, or no recordings in the folder.
        ManifestError: the manifest is faulty.
    """
    rows = [row for row in read_manifest(bulletins) if row.task == "summarize"]
    voices = sorted({row.source for row in rows})
    if len(voices) < 2:
        raise DataError(f"{bulletins}: summaries of {len(voices)} voices; one half needs one, the other another.")
    others = _recordings(talk) if talk is not None else []
    halves = []
    for half in (0, 1):
        read = [_reference(row, bulletins.parent) for row in rows if row.source in voices[half::2]]
        halves.append(list(_hear(pipeline, [*read, *((path, ()) for path in others[half::2])])))
    return halves[0], halves[1]


def _recordings(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{folder} holds no recordings ({', '.join(SUFFIXES)}): name a folder of speech with --talk.")
    return found


def _reference(row: Row, folder: Path) -> Talk:
    sections = [
        (Interval(round(start * TENTHS_PER_SECOND), round(end * TENTHS_PER_SECOND)), event.caption)
        for event in row.events
        for start, end in event.intervals
    ]
    return row.path(folder), sections


def _hear(pipeline: Pipeline, talks: Sequence[Talk]) -> Iterator[Told]:
    for first in track(range(0, len(talks), TOGETHER), description="speech", console=Console(stderr=True)):
        asked = []
        for path, sections in talks[first : first + TOGETHER]:
            recording = pipeline.encode(decode_audio(path.read_bytes(), max_seconds=MOST_SECONDS))
            asked.append((pipeline.ask(recording, "summarize", question_of("summarize")), sections))
        pipeline.engine.run([question.sequence for question, _ in asked])
        for question, sections in asked:
            for event, interval, features in intervals_of(question, pipeline.tokenizer.vocabulary, "summarize"):
                right = any(interval.iou(other) >= RIGHT_IOU and event.caption == text for other, text in sections)
                yield Told("summarize", features, right)
