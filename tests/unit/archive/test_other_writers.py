"""Archives that other programs wrote, or earlier versions: the same results, or a clear error."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.unit.archive.conftest import row
from tests.unit.archive.test_find import find
from timeaudio.archive.store import Archive
from timeaudio.browse.library import Library, Selection

Rewrite = Callable[[str], Path]
EVENT = "start_s := s.start_s, end_s := s.end_s, label := s.label"


def spans(fields: str) -> str:
    """Return a projection that writes the fields of each span anew."""
    return f"* REPLACE (list_transform(spans, lambda s: struct_pack({fields})) AS spans)"


@pytest.fixture
def rewrite(farm: Path, tmp_path: Path) -> Rewrite:
    """`rewrite(projection)`: the archive `farm`, with other columns."""

    def write(projection: str) -> Path:
        target = tmp_path / "other" / "events.parquet"
        target.parent.mkdir(exist_ok=True)
        duckdb.read_parquet(str(farm)).project(projection).write_parquet(str(target))
        return target

    return write


def pages(archive: Path) -> str:
    """Return what `timeaudio browse` lists of an archive, as strict JSON."""
    library = Library(Archive(archive))
    assert len(list(library.events(Selection()))) == library.about()["events"]
    return json.dumps([library.about(), library.page(Selection(), offset=0, limit=9).recordings], allow_nan=False)


@pytest.mark.parametrize(
    "projection",
    [
        spans(f"{EVENT}, confidence := s.confidence, path := 'x', status := 1"),
        spans("start_s := s.start_s::VARCHAR, end_s := s.end_s::FLOAT, label := s.label, confidence := s.confidence"),
        spans("start_s := s.start_s, end_s := s.end_s, label := s.label::BLOB, confidence := s.confidence"),
        spans("Confidence := s.confidence, LABEL := s.label, end_s := s.end_s::DECIMAL(9, 3), start_s := s.start_s"),
        "* REPLACE (path::BLOB AS path, duration_s::VARCHAR AS duration_s, recorded_at::VARCHAR AS recorded_at)",
        "path AS Path, status AS STATUS, duration_s, spans, recorded_at",
        "* REPLACE (if(path LIKE '%night%', 'NaN', duration_s::VARCHAR)::DOUBLE AS duration_s)",
    ],
)
def test_other_types_and_names_are_read(farm, rewrite: Rewrite, capfd, projection: str):
    archive = rewrite(projection)
    for options in (["--longer-than", "1.9"], ["--after", "2026-06-01", "--format", "csv"]):
        assert find(capfd, "dog", archive, *options)[:2] == find(capfd, "dog", farm, *options)[:2]
    assert pages(archive)


def test_spans_without_confidences_are_events_without_confidences(rewrite: Rewrite, capfd):
    archive = rewrite(spans(EVENT))
    status, out, _ = find(capfd, "dog", archive)
    assert status == 0
    assert out.splitlines()[0] == "yard/morning.wav: 0.5 - 2.5 s: A dog is barking."
    assert find(capfd, "dog", archive, "--min-confidence", "0.1")[0] == 1
    assert '"has_confidence": false' in pages(archive)


def test_what_cannot_be_an_event_is_left_out(rewrite: Rewrite, capfd):
    for fields in (
        "start_s := NULL::DOUBLE, end_s := s.end_s, label := s.label",
        "start_s := 'NaN'::DOUBLE, end_s := 'NaN'::DOUBLE, label := s.label",
        "start_s := s.start_s, end_s := 'Infinity'::DOUBLE, label := s.label",
        "start_s := 1e300, end_s := 1e301, label := s.label",
        "start_s := -s.end_s, end_s := -s.start_s, label := s.label",
        "start_s := s.end_s, end_s := s.start_s, label := s.label",
        "start_s := s.start_s, end_s := s.end_s, label := NULL::VARCHAR",
    ):
        archive = rewrite(spans(f"{fields}, confidence := s.confidence"))
        assert find(capfd, "dog", archive)[:2] == (1, ""), fields
        assert '"events": 0' in pages(archive), fields


def test_numbers_and_dates_that_nothing_can_show_are_unknown(rewrite: Rewrite, capfd):
    archive = rewrite(
        spans(f"{EVENT}, confidence := 'NaN'::DOUBLE").replace(
            "spans)", "spans, TIMESTAMP '200000-01-01' AS recorded_at)"
        )
    )
    for form in ("text", "csv", "m3u"):
        status, out, _ = find(capfd, "dog", archive, "--format", form)
        assert (status, "nan" in out) == (0, False)
    assert find(capfd, "dog", archive, "--min-confidence", "0.5")[0] == 1
    assert '"first": null' in pages(archive)


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        (spans("start_s := s.start_s, end_s := s.end_s, caption := s.label"), "has no column spans.label:"),
        ("* REPLACE ('[]' AS spans)", "has no column spans.end_s, spans.label, spans.start_s:"),
        ("* REPLACE (['A dog.'] AS spans)", "has no column spans.end_s, spans.label, spans.start_s:"),
        ("* REPLACE ('yesterday' AS recorded_at)", '"yesterday"'),
        ("* REPLACE (7 AS recorded_at)", "INTEGER -> TIMESTAMP"),
        (spans("start_s := 'soon', end_s := s.end_s, label := s.label"), "'soon' to DOUBLE"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_it(rewrite: Rewrite, capfd, projection: str, message: str):
    archive = rewrite(projection)
    for command in (["find", "dog", archive], ["browse", archive, "--port", "0"]):
        status, out, err = find(capfd, *command[1:]) if command[0] == "find" else browse(capfd, archive)
        assert (status, out) == (2 if command[0] == "find" else 1, "")
        assert message in " ".join(err.split())
        assert "bug" not in err


def browse(capfd: pytest.CaptureFixture[str], archive: Path) -> tuple[int, str, str]:
    from timeaudio.cli import main

    status = main(["browse", str(archive), "--port", "0"])
    output = capfd.readouterr()
    return status, output.out, output.err


def test_parts_of_several_versions_are_one_archive(rewrite: Rewrite, farm, capfd):
    folder = rewrite(f"{spans(EVENT)[:-1]}, 'old/' || path AS path)").parent
    duckdb.read_parquet(str(farm)).write_parquet(str(folder / "LATER.PARQUET"))
    (folder / "._events.parquet").write_bytes(b"what a Mac leaves on a shared disk")
    (folder / "deeper.parquet").mkdir()
    status, out, _ = find(capfd, "dog", folder)
    assert status == 0
    assert out == "".join(
        (
            "old/yard/morning.wav: 0.5 - 2.5 s: A dog is barking.\n",
            "old/yard/morning.wav: 9.5 - 11.0 s: A puppy yelps.\n",
            "old/yard/night.wav: 0.0 - 8.0 s: Dogs bark in the rain.\n",
            find(capfd, "dog", farm)[1],
        )
    )
    assert pages(folder)


def test_paths_that_name_no_file_are_listed_and_written(write_archive, capfd, tmp_path):
    strange = ["", ".", "..", "a\0b.wav", f"{'x' * 300}.wav"]
    archive = write_archive([row(path, None, 3.0, (0, 1, "A dog.", 1.0)) for path in strange])
    for form in ("text", "csv", "m3u"):
        assert find(capfd, "dog", archive, "--format", form)[0] == 0
    for path in strange[:-1]:
        one = write_archive([row(path, None, 3.0, (0, 1, "A dog.", 1.0))], f"archive{strange.index(path)}")
        status, _, err = find(capfd, "dog", one, "--format", "srt", "-o", tmp_path / "out")
        assert status == 0, err
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["ab.srt", "recording.srt"]
    assert pages(archive)
