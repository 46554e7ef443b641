"""Write a finished journal as Parquet: a row per recording, with its spans as a list and its answer as JSON."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from timeaudio.batch.journal import rows
from timeaudio.formats.tracks import tracks
from timeaudio.results import AnyAnswer

_GROUP, _EMBEDDINGS = 10_000, 2_000  # the most rows of a row group; embeddings at which it ends, to bound memory
_ANSWER: TypeAdapter[AnyAnswer] = TypeAdapter(AnyAnswer)


def write_parquet(journal: Path, target: Path, *, embeddings: bool = False) -> None:
    """Write `target` from a journal; it is renamed into place when complete.

    Columns: path (bytes that are not UTF-8 become escapes), status, error, detail, recorded_at (a date without a time
    zone), model, duration_s, spans (list of start_s, end_s, label, confidence), answer (without embeddings). With
    `embeddings` also a column of that name: for each span a list of 32-bit floats, or null. It is not a field of the
    spans: DuckDB reads all fields of a list.
    """
    import pyarrow
    from pyarrow import parquet

    span = pyarrow.struct(
        {
            "start_s": pyarrow.float64(),
            "end_s": pyarrow.float64(),
            "label": pyarrow.string(),
            "confidence": pyarrow.float64(),
        }
    )
    text = pyarrow.string()
    schema = pyarrow.schema(
        {
            "path": text,
            "status": text,
            "error": text,
            "detail": text,
            "recorded_at": pyarrow.timestamp("ms"),
            "model": text,
            "duration_s": pyarrow.float64(),
            "spans": pyarrow.list_(span),
            "answer": text,
        }
    )
    if embeddings:
        schema = schema.append(pyarrow.field("embeddings", pyarrow.list_(pyarrow.list_(pyarrow.float32()))))
    part = target.with_name(f".{target.name}.part")
    with parquet.ParquetWriter(part, schema) as writer:
        for group in _groups(journal, embeddings=embeddings):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
    os.replace(part, target)


def _groups(journal: Path, *, embeddings: bool) -> Iterator[list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    num_embeddings = 0
    for row in rows(journal):
        found.append(_flat(row, embeddings=embeddings))
        num_embeddings += len(found[-1].get("embeddings", ()))
        if len(found) == _GROUP or num_embeddings >= _EMBEDDINGS:
            yield found
            found, num_embeddings = [], 0
    if found:
        yield found


def _flat(row: dict[str, Any], *, embeddings: bool) -> dict[str, Any]:
    row = row | {name: _valid(row[name]) for name in ("path", "detail") if name in row}
    answer_fields = row.get("answer")
    if answer_fields is None:
        return row
    answer = _ANSWER.validate_python(answer_fields)
    found = [span for track in tracks(answer) for span in track.spans]
    spans = [
        {"start_s": s.start_ms / 1000, "end_s": s.end_ms / 1000, "label": s.label, "confidence": s.confidence}
        for s in found
    ]
    fields = {"path": row["path"], "status": row["status"], "model": answer.model, "duration_s": answer.audio.duration}
    when = row.get("recorded_at")  # missing from rows of earlier versions
    fields["recorded_at"] = datetime.fromisoformat(when) if when else None
    if embeddings:
        fields["embeddings"] = [span.embedding for span in found]
    return fields | {"spans": spans, "answer": json.dumps(_without_embeddings(answer_fields))}


def _valid(text: str) -> str:
    """Return text that Parquet can hold: bytes of a file name that are not UTF-8 become escapes."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _without_embeddings(tree: Any) -> Any:
    """Return an answer without embeddings: as text they are larger than in their column."""
    if isinstance(tree, list):
        return [_without_embeddings(item) for item in tree]
    if isinstance(tree, dict):
        return {name: _without_embeddings(value) for name, value in tree.items() if name != "embedding"}
    return tree
