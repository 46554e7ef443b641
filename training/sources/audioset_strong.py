"""Read AudioSet's strong labels, as dense captions and groundings.

Files: `audioset_train_strong.tsv`, `audioset_eval_strong.tsv` (segment_id, start_time_seconds, end_time_seconds, label)
and `mid_to_display_name.tsv` (mid, name; no header). A segment is 10 s long and named `YOUTUBEID_STARTMS`.

Source: Hershey et al. 2021; paper, appendix A and, for the evaluation subset, appendix C.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.manifest import Annotation, Row, Span
from training.data.recordings import DataError, read_table
from training.data.writer import Writer, describe_all
from training.sources.reading import RecordingIndex, merge_spans, parse_seconds

CLIP_S = 10.0
COLUMNS = ("segment_id", "start_time_seconds", "end_time_seconds", "label")
EVALUATION_CLIPS = 770
EVALUATION_WORDS = 100
"""The paper's test set has 770 clips with fewer than 100 caption words. It does not say which."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A segment and the spans of each class in it."""

    name: str
    labels: dict[str, tuple[Span, ...]]


def read_clips(labels: Path, names: Path) -> list[Clip]:
    """Read the clips. Classes have their display names and are ordered by first start.

    Raises:
        DataError: a file is missing or has another format, or a class has no display name.
    """
    display = _display_names(names)
    found: dict[str, dict[str, list[Span]]] = {}
    for row in read_table(labels, COLUMNS, "\t"):
        if row["label"] not in display:
            raise DataError(f"{names} has no name for {row['label']} of {labels}: use both files of one release.")
        span = (parse_seconds(row, "start_time_seconds", labels), parse_seconds(row, "end_time_seconds", labels))
        found.setdefault(row["segment_id"], {}).setdefault(display[row["label"]], []).append(span)
    clips = []
    for name, classes in found.items():
        whole = {label: merge_spans(spans, CLIP_S) for label, spans in classes.items()}
        order = sorted((label for label in whole if whole[label]), key=lambda label: (whole[label], label))
        clips.append(Clip(name, {label: whole[label] for label in order}))
    return clips


def _display_names(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise DataError(f"{path} does not exist: download mid_to_display_name.tsv from the labels' page.")
    with path.open(newline="", encoding="utf-8") as file:
        return {row[0]: row[1] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if len(row) >= 2}


def dense_captions(clips: Iterable[Clip], recordings: RecordingIndex, writer: Writer) -> Iterator[Row]:
    """Yield a row for each clip that has a recording: every class with its intervals and a description."""
    found = [
        (clip, audio) for clip in clips if clip.labels and (audio := _find_recording(clip, recordings)) is not None
    ]
    sentences = describe_all(writer, ((list(clip.labels), clip.name) for clip, _ in found))
    for (clip, audio), captions in zip(found, sentences, strict=True):
        events = tuple(
            Annotation(spans, caption, label)
            for (label, spans), caption in zip(clip.labels.items(), captions, strict=True)
        )  # fmt: skip
        yield Row(
            id=f"audioset-dense-{clip.name}", audio=audio, task="dense_caption", events=events,
            source="audioset_strong",
        )  # fmt: skip


def groundings(
    clips: Sequence[Clip], recordings: RecordingIndex, writer: Writer, absent_share: float = 0.0
) -> Iterator[Row]:
    """Yield a row for each class of a clip, with the class's description as the query.

    With `absent_share`, some clips get one more query, for a class that they do not have. The annotation is complete,
    but classes contain each other, so the absent class shares no word with a class of the clip.
    """
    everything = sorted({label for clip in clips for label in clip.labels})
    found = [
        (clip, audio) for clip in clips if clip.labels and (audio := _find_recording(clip, recordings)) is not None
    ]
    classes = [_classes_to_ground(clip, everything, absent_share) for clip, _ in found]
    sentences = describe_all(
        writer, (([label for label, _ in a], f"ground-{c.name}") for (c, _), a in zip(found, classes, strict=True))
    )
    for (clip, audio), queries, captions in zip(found, classes, sentences, strict=True):
        for place, ((label, spans), caption) in enumerate(zip(queries, captions, strict=True)):
            yield Row(
                id=f"audioset-ground-{clip.name}-{place}", audio=audio, task="ground", query=caption.rstrip("."),
                events=(Annotation(spans, label=label),) if spans else (), source="audioset_strong",
            )  # fmt: skip


def _classes_to_ground(
    clip: Clip, everything: Sequence[str], absent_share: float
) -> list[tuple[str, tuple[Span, ...]]]:
    """Return the clip's classes with their spans, and possibly an absent class."""
    classes = list(clip.labels.items())
    if _hash_fraction(clip.name, "absent") < absent_share:
        clip_words = {word for label in clip.labels for word in _words(label)}
        others = [label for label in everything if not clip_words & _words(label)]
        if others:
            classes.append((others[int(_hash_fraction(clip.name, "which") * len(others))], ()))
    return classes


def evaluation_subset(rows: Iterable[Row], count: int = EVALUATION_CLIPS) -> list[Row]:
    """Return `count` dense caption rows of fewer than 100 words, chosen by a hash: the paper's are not published."""
    short = [row for row in rows if sum(len(e.caption.split()) for e in row.events) < EVALUATION_WORDS]
    return sorted(sorted(short, key=lambda row: _hash_fraction(row.id, "evaluation"))[:count], key=lambda row: row.id)


def _find_recording(clip: Clip, recordings: RecordingIndex) -> str | None:
    """Find the recording of a clip. Downloaders name files by segment or by video, some with a leading Y."""
    video = clip.name.rpartition("_")[0]
    return recordings.find(clip.name, f"Y{clip.name}", video, f"Y{video}")


def _words(label: str) -> set[str]:
    return {word.strip("(),").lower() for word in label.split()}


def _hash_fraction(name: str, what: str) -> float:
    digest = hashlib.sha256(f"{what}\0{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
