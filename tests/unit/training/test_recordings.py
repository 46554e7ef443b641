"""Labelled recordings: how their folders are read, and where in a recording its sound is."""

import csv

import numpy as np
import pytest

from tests.small_recordings import RATE, data_set
from training.data.recordings import DataError, active_region, read_recordings, read_samples
from training.data.wav import write_wav


def burst(seconds, *, start, length, level=0.5):
    samples = np.zeros(round(seconds * RATE), dtype=np.float32)
    first, last = round(start * RATE), round((start + length) * RATE)
    samples[first:last] = level * np.random.default_rng(0).standard_normal(last - first)
    return samples


def test_the_active_region_is_where_the_sound_is_to_within_a_tenth():
    for start, length in [(0.0, 1.0), (1.0, 0.5), (3.2, 1.8), (2.0, 0.1)]:
        first, last = active_region(burst(5, start=start, length=length))
        assert first / RATE == pytest.approx(start, abs=0.1)
        assert last / RATE == pytest.approx(start + length, abs=0.1)


def test_gaps_inside_stay_and_what_is_30_db_below_does_not_count():
    samples = burst(5, start=1, length=0.3) + burst(5, start=3, length=0.3, level=0.05)
    assert active_region(samples)[1] / RATE == pytest.approx(3.3, abs=0.1)
    faint = burst(5, start=1, length=0.3) + burst(5, start=3, length=0.3, level=0.005)
    assert active_region(faint)[1] / RATE == pytest.approx(1.3, abs=0.1)


def test_both_layouts_are_read_alike_and_side_by_side(tmp_path):
    ours = data_set(tmp_path / "ours", ("dog", 1, "a"), ("cat", 4, "b"))
    official = tmp_path / "official"
    (official / "meta").mkdir(parents=True)
    with (official / "meta" / "esc50.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "fold", "target", "category", "esc10", "src_file", "take"])
        for name, fold, kind, source in (("0-dog.wav", 1, "dog", "a"), ("1-cat.wav", 4, "cat", "b")):
            write_wav(official / "audio" / name, burst(0.5, start=0, length=0.5))
            table.writerow([name, fold, 0, kind, kind == "dog", source, "A"])
    found = read_recordings([ours, official])
    fields = [(r.path.name, r.label, r.fold, r.source) for r in found]
    assert fields == [("0-dog.wav", "dog", 1, "a"), ("1-cat.wav", "cat", 4, "b")] * 2
    assert [r.path.parent.parent for r in found] == [ours, ours, official, official]


def test_without_folds_a_source_is_in_one_of_four_by_its_name_and_all_four_are_used(tmp_path):
    clips = [("dog", 0, f"source {n // 2}") for n in range(60)]
    found = read_recordings([data_set(tmp_path / "a", *clips, seconds=0.01)])
    folds = {}
    for recording in found:
        folds.setdefault(recording.source, set()).add(recording.fold)
    assert {len(some) for some in folds.values()} == {1}
    assert set().union(*folds.values()) == {1, 2, 3, 4}
    again = read_recordings([data_set(tmp_path / "b", *clips[::-1], seconds=0.01)])
    assert {r.source: r.fold for r in again} == {r.source: r.fold for r in found}


def test_a_recording_without_a_fold_is_in_that_of_its_source_elsewhere(tmp_path):
    sources = [f"source {n}" for n in range(8)]
    folded = data_set(tmp_path / "folded", *[("dog", 3, source) for source in sources], seconds=0.01)
    bare = data_set(tmp_path / "bare", *[("dog", 0, source) for source in sources], seconds=0.01)
    assert {r.fold for r in read_recordings([bare, folded])} == {3}


def test_a_speaker_is_a_source(tmp_path):
    folder = data_set(tmp_path, ("coughing", 0, "take 1"), ("coughing", 0, "take 2"), seconds=0.01)
    (folder / "clips.csv").write_text(
        "filename,category,source,speaker\n0-coughing.wav,coughing,take 1,ann\n1-coughing.wav,coughing,take 2,ann\n"
    )
    assert [r.source for r in read_recordings([folder])] == ["ann", "ann"]


def test_a_folder_of_another_form_says_what_is_wrong(tmp_path):
    with pytest.raises(DataError, match="meta/esc50.csv"):
        read_recordings([tmp_path])
    for table, says in [
        ("name,category\n", "has no column filename, source"),
        ("filename,category,fold,source\na.wav,dog,x,a\n", "fold must be a number, a.wav has 'x'"),
        ("filename,category,fold,source\na.wav,dog,1,a\n", "lacks 1 of 1 files, first a.wav"),
    ]:
        (tmp_path / "clips.csv").write_text(table)
        with pytest.raises(DataError, match=says):
            read_recordings([tmp_path])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("filename,category,source\n\xe9.wav,dog,a\n".encode("latin-1"), "UTF-8"),
        (b"filename,category,source\na.wav,dog\n", "line 2: source is missing"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path, content, message):
    (tmp_path / "clips.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_recordings([tmp_path])


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path):
    folder = data_set(tmp_path, ("dog", 1, "a"))
    table = folder / "clips.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert [recording.label for recording in read_recordings([folder])] == ["dog"]


def test_a_recording_that_cannot_be_used_is_named(tmp_path):
    for seconds in (0.05, 61.0):
        [recording] = read_recordings([data_set(tmp_path, ("dog", 1, "a"), seconds=seconds)])
        with pytest.raises(DataError, match="0-dog.wav"):
            read_samples(recording)
