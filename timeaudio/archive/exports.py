"""Write events of many recordings: a table, a playlist, or subtitles and labels for each recording."""

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path, PurePath
from typing import Final, Literal

from timeaudio.archive.search import EventRow
from timeaudio.labels import PLAIN_NAME, LabelledInterval, audacity_labels, inert, one_line, srt_cues

TrackFormat = Literal["srt", "audacity"]
"""Formats for one recording."""

_TRACKS: Final[dict[TrackFormat, Callable[[Iterable[LabelledInterval]], str]]] = {
    "srt": srt_cues,
    "audacity": audacity_labels,
}


class _Lines:
    """A file object for `csv.writer` that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def lines(events: Iterable[EventRow]) -> Iterator[str]:
    """Yield one line of text per event: `street.flac: 0.5 - 2.5 s: A dog barks. (0.85)`."""
    for path, _, start_ms, end_ms, label, confidence in events:
        suffix = "" if confidence is None else f" ({confidence:.2f})"
        yield f"{one_line(path)}: {start_ms / 1000:.1f} - {end_ms / 1000:.1f} s: {one_line(label)}{suffix}\n"


def table(events: Iterable[EventRow]) -> Iterator[str]:
    """Yield the lines of a CSV table: the heading (path, start_s, end_s, label, confidence, recorded_at), then events.

    A path or label that a spreadsheet would evaluate as a formula gets an apostrophe in front.
    """
    write_row = csv.writer(_Lines(), lineterminator="\n").writerow
    yield "path,start_s,end_s,label,confidence,recorded_at\n"
    for event in events:
        confidence = "" if event.confidence is None else f"{event.confidence:g}"
        when = "" if event.recorded_at is None else event.recorded_at.isoformat()
        times = (f"{event.start_ms / 1000:.3f}", f"{event.end_ms / 1000:.3f}")
        yield write_row((inert(event.path, PLAIN_NAME), *times, inert(event.label), confidence, when))


def playlist(events: Iterable[EventRow], locate: Callable[[str], Path]) -> Iterator[str]:
    """Yield the lines of an M3U playlist. VLC plays only the event; other players play the recording from its start.

    Source: VLC's `EXTVLCOPT` lines. Paths are absolute; a path with control characters is written as a URI.
    """
    yield "#EXTM3U\n"
    for event in events:
        path = locate(event.path).absolute()
        shown = str(path) if str(path).isprintable() else path.as_uri()
        yield f"#EXTINF:{round((event.end_ms - event.start_ms) / 1000)},{one_line(event.label)}\n"
        yield f"#EXTVLCOPT:start-time={event.start_ms / 1000:.3f}\n"
        yield f"#EXTVLCOPT:stop-time={event.end_ms / 1000:.3f}\n{shown}\n"


def track(events: Iterable[EventRow], form: TrackFormat) -> str:
    """Return the events of one recording as subtitles or as a label track."""
    return _TRACKS[form](
        LabelledInterval(event.start_ms, event.end_ms, one_line(event.label), event.confidence) for event in events
    )


def by_recording(events: Iterable[EventRow]) -> Iterator[tuple[str, list[EventRow]]]:
    """Yield each recording's path and events. `events` are ordered by path."""
    for path, found in groupby(events, lambda event: event.path):
        yield path, list(found)


def places(paths: Iterable[str]) -> dict[str, PurePath]:
    """Return a path below a folder for each path: without a root or `..`, and different from the others."""
    found: dict[str, PurePath] = {}
    taken: set[PurePath] = set()
    for path in paths:
        pure = PurePath(path.replace("\0", ""))
        parts = [part for part in pure.relative_to(pure.anchor).parts if part != ".."]
        first = place = PurePath(*parts or ["recording"])
        number = 1
        while place in taken:
            number += 1
            place = first.with_name(f"{first.stem} ({number}){first.suffix}")
        taken.add(place)
        found[path] = place
    return found
