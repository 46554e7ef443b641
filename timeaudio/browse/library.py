"""An archive in memory, to page through: recordings, their events, and the kinds that captions name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from timeaudio.archive.kinds import kinds, mentioned_kind
from timeaudio.archive.matching import Meaning, meanings
from timeaudio.archive.search import EventFilter, EventRow
from timeaudio.archive.store import Archive, events_of

OTHER: Final = "other"
"""The kind shown for captions that name no known kind."""

# Recordings are numbered by path. A caption may name several kinds.
_TABLES: Final = f"""
    CREATE TABLE recordings AS
        SELECT row_number() OVER (ORDER BY path) - 1 AS recording, path, recorded_at, duration_s, spans FROM archive;
    CREATE TABLE labels AS
        SELECT row_number() OVER () - 1 AS label_id, label, lower(label) AS lower_label
        FROM (SELECT DISTINCT label FROM ({events_of("recordings")}));
    CREATE TABLE events AS
        SELECT row_number() OVER (ORDER BY recording, start_s, end_s, label_id) - 1 AS event, recording, start_s, end_s,
            label_id, confidence
        FROM ({events_of("recordings")}) JOIN labels USING (label);
    ALTER TABLE recordings DROP spans;
    CREATE TABLE label_kinds (label_id BIGINT, kind VARCHAR);
    CREATE VIEW whole AS FROM events JOIN recordings USING (recording) JOIN labels USING (label_id);
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to list: a query, a kind, limits. Empty strings and None select everything."""

    query: str = ""
    kind: str = ""
    limits: EventFilter = EventFilter()

    @property
    def is_everything(self) -> bool:
        """Whether recordings without events belong to it too."""
        return not self.query and not self.kind and not self.limits.conditions()


@dataclass(frozen=True, slots=True)
class Page:
    """Some recordings of a selection, each with its events, and the size of the whole selection.

    `reason` says how the query was read.
    """

    reason: str
    num_recordings: int
    num_events: int
    recordings: list[dict[str, Any]]


class Library:
    """The tables of an archive. Methods may be called from several threads."""

    def __init__(self, archive: Archive) -> None:
        """Load the events into memory. Raises: ArchiveError, if a file of the archive cannot be read."""
        self._archive = archive
        self._connection = archive.connection
        with archive.reading():
            self._connection.execute(_TABLES)
        for kind in kinds().values():
            self._connection.execute(
                "INSERT INTO label_kinds SELECT label_id, ? FROM labels WHERE regexp_matches(lower_label, ?)",
                [kind.name, kind.pattern],
            )

    def about(self) -> dict[str, Any]:
        """Return the archive's name, size, dates, and the number of events per kind."""
        [(recordings, first, last)] = self._rows("SELECT count(*), min(recorded_at), max(recorded_at) FROM recordings")
        [(events, is_calibrated)] = self._rows("SELECT count(*), count(confidence) > 0 FROM events")
        counted = self._rows(
            """
            SELECT coalesce(kind, ?), count(*) FROM events LEFT JOIN label_kinds USING (label_id)
            GROUP BY kind ORDER BY kind IS NULL, kind
            """,
            [OTHER],
        )
        return {
            "name": self._archive.place.name,
            "recordings": recordings,
            "events": events,
            "first": _iso(first),
            "last": _iso(last),
            "has_confidence": is_calibrated,
            "kinds": [{"name": name, "events": count} for name, count in counted],
        }

    def page(self, selection: Selection, *, offset: int, limit: int) -> Page:
        """Return at most `limit` recordings of a selection, by path, after the first `offset`.

        Raises:
            QueryError: the query has no words.
        """
        meaning, num_events, num_recordings = self._understood(selection)
        where, values = _condition(selection, meaning)
        if selection.is_everything:
            [(num_recordings,)] = self._rows("SELECT count(*) FROM recordings")
            chosen = self._rows(
                "SELECT recording, path, recorded_at, duration_s FROM recordings ORDER BY recording LIMIT ? OFFSET ?",
                [limit, offset],
            )
        else:
            chosen = self._rows(
                f"""
                SELECT DISTINCT recording, path, recorded_at, duration_s FROM whole WHERE {where}
                ORDER BY recording LIMIT ? OFFSET ?
                """,
                [*values, limit, offset],
            )
        shown: dict[int, dict[str, Any]] = {
            number: {"id": number, "path": path, "recorded_at": _iso(when), "duration": length, "events": []}
            for number, path, when, length in chosen
        }
        rows = self._rows(
            f"""
            SELECT recording, event, start_s, end_s, label, confidence FROM whole
            WHERE recording IN (SELECT unnest(?::BIGINT[])) AND {where} ORDER BY event
            """,
            [list(shown), *values],
        )
        for recording, event, start, end, label, confidence in rows:
            fields = {"id": event, "start": start, "end": end, "label": label, "confidence": confidence}
            shown[recording]["events"].append(fields | {"kind": _kind_of(label)})
        return Page(meaning.reason if meaning else "", num_recordings, num_events, list(shown.values()))

    def events(self, chosen: Selection | Sequence[int]) -> Iterator[EventRow]:
        """Yield the events of a selection, or those with these numbers, by path and time."""
        if isinstance(chosen, Selection):
            where, values = _condition(chosen, self._understood(chosen)[0])
        else:
            where, values = "event IN (SELECT unnest(?::BIGINT[]))", [list(chosen)]
        rows = self._rows(
            f"""
            SELECT path, recorded_at, round(start_s * 1000)::BIGINT, round(end_s * 1000)::BIGINT, label, confidence
            FROM whole WHERE {where} ORDER BY event
            """,
            values,
        )
        yield from map(EventRow._make, rows)

    def sound(self, recording: int) -> Path | None:
        """Return the file of a recording; None if the archive has no such number."""
        rows = self._rows("SELECT path FROM recordings WHERE recording = ?", [recording])
        return self._archive.locate(rows[0][0]) if rows else None

    def locate(self, path: str) -> Path:
        """Return where a recording of the archive is."""
        return self._archive.locate(path)

    def _understood(self, selection: Selection) -> tuple[Meaning | None, int, int]:
        """Return the reading of the query that applies, and how many events and recordings the selection has."""
        readings: list[Meaning | None] = list(meanings(selection.query)) if selection.query else [None]
        for meaning in readings:
            where, values = _condition(selection, meaning)
            [(num_events, num_recordings)] = self._rows(
                f"SELECT count(*), count(DISTINCT recording) FROM whole WHERE {where}", values
            )
            if num_events:
                break
        return meaning, num_events, num_recordings

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()  # connections are for one thread at a time
        return cursor.execute(sql, list(values)).fetchall()


def _condition(selection: Selection, meaning: Meaning | None) -> tuple[str, list[object]]:
    """Return an SQL condition on `whole`, and the values of its parameters."""
    parts: list[str] = ["true"]
    values: list[object] = []
    if meaning is not None:
        matches = " AND ".join("regexp_matches(lower_label, ?)" for _ in meaning.patterns)
        parts.append(f"label_id IN (SELECT label_id FROM labels WHERE {matches})")
        values += meaning.patterns
    if selection.kind == OTHER:
        parts.append("label_id NOT IN (SELECT label_id FROM label_kinds)")
    elif selection.kind:
        parts.append("label_id IN (SELECT label_id FROM label_kinds WHERE kind = ?)")
        values.append(selection.kind)
    for condition, value in selection.limits.conditions():
        parts.append(condition)
        values.append(value)
    return " AND ".join(parts), values


@lru_cache(100_000)
def _kind_of(label: str) -> str | None:
    kind = mentioned_kind(label)
    return kind.name if kind else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
