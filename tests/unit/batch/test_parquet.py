"""The Parquet of a batch, with and without embeddings, and what reads it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from pyarrow import parquet

from tests.unit.archive.conftest import row, write_archive  # noqa: F401  a fixture
from tests.unit.archive.test_find import find
from timeaudio.archive.store import Archive
from timeaudio.browse.library import Library, Selection

WriteArchive = Callable[..., Path]
EAST, NORTH = [1.0, 0.0, 0.0], [0.28, 0.96, 0.0]


def embedded(path: str, *embeddings: list[float]) -> dict[str, Any]:
    """Return the row of a recording with a bark per second."""
    found = row(path, None, 9.0, *((at, at + 0.5, "A dog barks.", 0.5) for at in range(len(embeddings))))
    for event, embedding in zip(found["answer"]["events"], embeddings, strict=True):
        event["intervals"][0]["embedding"] = embedding
    return found


@pytest.fixture
def both(write_archive: WriteArchive) -> tuple[Path, Path]:  # noqa: F811
    """The same rows without and with embeddings, and a row of an earlier run that had none."""
    rows = [embedded("a.wav", EAST, NORTH), row("b.wav", None, 3.0, (0.0, 1.0, "A dog barks.", 0.9))]
    rows.append({"path": "c.wav", "status": "failed", "error": "unreadable", "detail": "gone"})
    return write_archive(rows, "plain"), write_archive(rows, "vectors", embeddings=True)


def test_a_name_that_is_not_utf_8_has_escapes(write_archive: WriteArchive) -> None:  # noqa: F811
    failed = {"path": "b\udce9.wav", "status": "failed", "error": "unreadable", "detail": "b\udce9.wav is gone"}
    found = parquet.read_table(write_archive([row("caf\udce9.wav", None, 3.0), failed])).to_pylist()
    assert [found["path"] for found in found] == ["caf\\xe9.wav", "b\\xe9.wav"]


def test_there_is_a_column_of_embeddings_only_if_requested(both: tuple[Path, Path]) -> None:
    plain, vectors = (parquet.read_table(path) for path in both)
    assert vectors.column("embeddings").to_pylist() == [[EAST, pytest.approx(NORTH)], [None], None]
    assert vectors.schema.field("embeddings").type == pyarrow.list_(pyarrow.list_(pyarrow.float32()))
    assert plain.schema.field("spans").type.value_type.names == ["start_s", "end_s", "label", "confidence"]
    assert plain == vectors.drop_columns("embeddings")
    for path in both:
        answers = [one["answer"] for one in parquet.read_table(path).to_pylist() if one["answer"]]
        assert not any("embedding" in answer for answer in answers)
        assert json.loads(answers[0])["events"][0]["caption"] == "A dog barks."


def test_archives_with_and_without_embeddings_are_searched_alike(both: tuple[Path, Path], capfd: Any) -> None:
    plain, vectors = both
    assert find(capfd, "dog", plain)[:2] == find(capfd, "dog", vectors)[:2]
    assert Library(Archive(plain)).about() | {"name": ""} == Library(Archive(vectors)).about() | {"name": ""}
    folder = plain.parent / "parts"
    folder.mkdir()
    for path in both:
        path.rename(folder / path.name)
    library = Library(Archive(folder))
    assert library.about()["events"] == len(list(library.events(Selection()))) == 6


def test_duckdb_compares_the_embeddings(both: tuple[Path, Path]) -> None:
    [(alike,)] = duckdb.execute(
        "SELECT list_cosine_similarity(embeddings[1], embeddings[2]) FROM read_parquet(?) WHERE path = 'a.wav'",
        [str(both[1])],
    ).fetchall()
    assert alike == pytest.approx(0.28)
