"""Find the events of an archive that match a query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from timeaudio.archive.matching import Meaning, meanings
from timeaudio.archive.store import Archive, events_of

_ROWS = 2000  # fetched at once


class EventRow(NamedTuple):  # a dataclass takes three times as long to make, and there may be a million
    """One interval of an event, and the recording that it is in.

    Attributes:
        path: the recording, as in the archive.
        recorded_at: its date, without a time zone; None if unknown.
        start_ms, end_ms: milliseconds of the recording.
        label: the caption, or the query of a grounding.
        confidence: None if the model is not calibrated.
    """

    path: str
    recorded_at: datetime | None
    start_ms: int
    end_ms: int
    label: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Limits on the events that match a query; None means no limit. Durations are in seconds.

    An event without a confidence fails any `min_confidence` above 0, and one without a date fails `after` and `before`.
    """

    min_confidence: float | None = None
    longer_than: float | None = None
    shorter_than: float | None = None
    after: datetime | None = None
    before: datetime | None = None

    def conditions(self) -> list[tuple[str, object]]:
        """Return SQL conditions on the columns of an event, each with the value of its parameter."""
        length = "round(end_s - start_s, 3)"
        conditions: list[tuple[str, object]] = [
            ("confidence >= ?", self.min_confidence or None),
            (f"{length} > ?", self.longer_than),
            (f"{length} < ?", self.shorter_than),
            ("recorded_at >= ?", self.after),
            ("recorded_at < ?", self.before),
        ]
        return [(condition, value) for condition, value in conditions if value is not None]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search: how the query was read, and the events, by path and time."""

    reason: str
    num_events: int
    num_recordings: int
    events: Iterator[EventRow]


def search(
    archive: Archive, query: str, event_filter: EventFilter, *, only_words: bool = False, limit: int | None = None
) -> SearchResult:
    """Return the events that match the first reading of the query that finds any. `limit` bounds only `events`.

    Raises:
        QueryError: the query has no words, or is too long.
        ArchiveError: a file of the archive cannot be read.
    """
    readings = list(meanings(query, only_words=only_words))
    with archive.reading():
        archive.connection.execute(*_collection(readings, event_filter))
    counts = archive.connection.execute(
        "SELECT reading, count(*), count(DISTINCT path) FROM found GROUP BY reading ORDER BY reading LIMIT 1"
    ).fetchone()
    reading, num_events, num_recordings = counts or (len(readings) - 1, 0, 0)
    last = num_events if limit is None else min(limit, num_events)
    return SearchResult(readings[reading].reason, num_events, num_recordings, _events(archive, reading, last))


def _collection(readings: Sequence[Meaning], event_filter: EventFilter) -> tuple[str, list[object]]:
    """Return SQL that writes the matching events into the table `found`, and its parameters.

    The column `reading` is the number of the first reading that an event matches. One pass over the archive is enough
    for all of them: an event that matches no reading's first pattern matches no reading.
    """
    matches_pattern = "regexp_matches(lower(label), ?)"
    first, *others = (" AND ".join([matches_pattern] * len(meaning.patterns)) for meaning in readings)
    values: list[object] = [pattern for meaning in readings for pattern in meaning.patterns]
    if others:
        cases = " ".join(f"WHEN {condition} THEN {number}" for number, condition in enumerate([first, *others]))
        reading, condition = f"CASE {cases} END", f"{matches_pattern} AND reading IS NOT NULL"
        values.append("|".join(meaning.patterns[0] for meaning in readings))
    else:
        reading, condition = "0", first
    limits = event_filter.conditions()
    return (
        f"""
        CREATE OR REPLACE TEMP TABLE found AS
        SELECT path, recorded_at, start_s, end_s, label, confidence, {reading} AS reading
        FROM ({events_of("archive")})
        WHERE {" AND ".join([condition, *(limit for limit, _ in limits)])}
        """,
        [*values, *(value for _, value in limits)],
    )


def _events(archive: Archive, reading: int, limit: int) -> Iterator[EventRow]:
    found = archive.connection.execute(
        """
        SELECT path, recorded_at, round(start_s * 1000)::BIGINT, round(end_s * 1000)::BIGINT, label, confidence
        FROM found WHERE reading = ? ORDER BY path, start_s, end_s, label LIMIT ?
        """,
        [reading, limit],
    )
    while rows := found.fetchmany(_ROWS):
        yield from map(EventRow._make, rows)
