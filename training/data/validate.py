"""Validate a manifest before training, and report all problems at once."""

import string
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
import av.error

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from model.errors import AudioError
from model.timeline.task import CAPTIONED
from model.timeline.words import OTHER_LANGUAGE
from training.data.manifest import ManifestError, Row, Span, parse_manifest

LONGEST_S = 7200.0
"""The longest recording that is decoded because its container states no length."""
TOLERANCE_S = 0.1
"""How far a time may lie past the end, and how far a stated duration may differ from the file's."""


def read_manifest(path: Path) -> list[Row]:
    """Read and validate a manifest. Each returned row has the duration of its recording.

    Raises:
        ManifestError: the manifest has problems; the error lists all of them.
        FileNotFoundError: the file does not exist.
    """
    rows, problems = parse_manifest(path)
    lengths = recording_lengths({row.path(path.parent) for row in rows})
    timed_rows = [_with_duration(row, lengths[row.path(path.parent)], problems) for row in rows]
    problems += duplicate_ids(rows)
    for row in timed_rows:
        problems += [f"{row.id}: {problem}" for problem in row_problems(row)]
    if not rows and not problems:
        problems = ["the manifest has no lines"]
    if problems:
        raise ManifestError(path, problems)
    return timed_rows


def recording_lengths(paths: set[Path]) -> dict[Path, float | None]:
    """Return the seconds of each recording, read from its container; None for a file that is not a recording."""
    order = sorted(paths)
    with ThreadPoolExecutor() as threads:
        return dict(zip(order, threads.map(_length, order), strict=True))


def _length(path: Path) -> float | None:
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            if container.duration is not None:
                return container.duration / av.time_base
        waveform = decode_audio(path.read_bytes(), max_seconds=LONGEST_S)  # browsers record without a length
        return waveform.num_samples / SAMPLE_RATE
    except (OSError, av.error.FFmpegError, IndexError, AudioError):
        return None


def _with_duration(row: Row, seconds: float | None, problems: list[str]) -> Row:
    if seconds is None:
        problems.append(f"{row.id}: {row.audio} is not a readable recording")
    elif row.duration is None:
        return replace(row, duration=round(seconds, 3))
    elif abs(row.duration - seconds) > TOLERANCE_S:
        problems.append(f"{row.id}: duration is {row.duration:g} s, {row.audio} has {seconds:.1f} s")
    return row


def duplicate_ids(rows: Sequence[Row]) -> list[str]:
    """Return a problem for each id that several lines have."""
    count = Counter(row.id for row in rows)
    return [f"{name}: {number} lines have this id" for name, number in count.items() if number > 1]


def row_problems(row: Row) -> list[str]:
    """Return the problems of a single row.

    Times must end after they start and lie within the recording. Intervals of one event must not overlap, and
    neither must segments of a summary. Captions, queries, questions and answers must contain words. An answer must use
    each of its times.
    """
    problems: list[str] = []
    spans = [span for event in row.events for span in event.intervals]
    spans += [time for time in row.times if isinstance(time, tuple)]
    spans += [(word.start, word.end) for word in row.words]
    problems += [problem for span in spans for problem in _span_problems(span, row.duration)]
    moments = [time for time in row.times if not isinstance(time, tuple)]
    problems += [f"{m:g} s is outside the recording" for m in moments if not _is_inside(m, row.duration)]
    for event in row.events:
        problems += _overlaps(event.intervals, "intervals of one event overlap")
    if row.task == "summarize":
        problems += _overlaps([s for e in row.events for s in e.intervals], "segments overlap")
    return problems + _text_problems(row)


def _text_problems(row: Row) -> list[str]:
    problems = []
    if row.task in CAPTIONED:
        problems += ["a caption is empty" for event in row.events if not _has_words(event.caption)]
    if row.task == "ground" and not _has_words(row.query):
        problems.append("ground needs a query")
    if row.task == "ask":
        problems += [f"ask needs {name}" for name in ("question", "answer") if not _has_words(getattr(row, name))]
        problems += _template_problems(row)
    if not all(word.text == OTHER_LANGUAGE or _has_words(word.text) for word in row.words):
        problems.append("a spoken word is empty")
    if row.task != "ask" and (row.answer or row.times):
        problems.append(f"answer and times are only for ask; {row.task} takes its answer from events")
    return problems


def _template_problems(row: Row) -> list[str]:
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(row.answer) if name is not None}
    except ValueError as error:
        return [f"the answer's braces are unbalanced ({error}); write literal braces twice"]
    expected = {str(index) for index in range(len(row.times))}
    return [] if used == expected else [f"the answer uses times {sorted(used)}, but times has {sorted(expected)}"]


def _span_problems(span: Span, duration: float | None) -> list[str]:
    start, end = span
    if not 0 <= start < end:
        return [f"{start:g} - {end:g} s does not satisfy 0 <= start < end"]
    return [] if _is_inside(end, duration) else [f"{start:g} - {end:g} s is outside the recording's {duration:g} s"]


def _is_inside(time: float, duration: float | None) -> bool:
    return time >= 0 and (duration is None or time <= duration + TOLERANCE_S)


def _overlaps(spans: Sequence[Span], what: str) -> list[str]:
    order = sorted(spans)
    return [
        f"{what}: {a[0]:g} - {a[1]:g} s and {b[0]:g} - {b[1]:g} s"
        for a, b in zip(order, order[1:], strict=False)
        if b[0] < a[1] - 1e-6
    ]


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)
