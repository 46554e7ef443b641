"""Sources of sounds: a few rows in each data set's official form, and the manifest that they must become."""

import json

import pytest

from training.data.manifest import Annotation
from training.data.recordings import DataError
from training.data.validate import row_problems
from training.data.writer import Writer
from training.sources.audiogrounding import groundings as phrases
from training.sources.audioset_strong import dense_captions, evaluation_subset, groundings, read_clips
from training.sources.audiotime import dense_captions as simulated
from training.sources.tacos import dense_captions as regions

TSV = """segment_id\tstart_time_seconds\tend_time_seconds\tlabel
b0RFKhbpFJA_30000\t0.000\t10.000\t/m/03m9d0z
b0RFKhbpFJA_30000\t4.753\t5.720\t/m/05zppz
b0RFKhbpFJA_30000\t0.000\t2.128\t/m/05zppz
b0RFKhbpFJA_30000\t1.900\t3.000\t/m/05zppz
a-b_cDEFGHI_0\t2.627\t10.020\t/m/053hz1
"""
NAMES = '/m/03m9d0z\tWind\n/m/05zppz\tMale speech, man speaking\n/m/053hz1\tCheering\n/m/0cdnk\tRoaring "cats"\n'


@pytest.fixture
def clips(tmp_path):
    (tmp_path / "strong.tsv").write_text(TSV)
    (tmp_path / "names.tsv").write_text(NAMES)
    return read_clips(tmp_path / "strong.tsv", tmp_path / "names.tsv")


def test_audioset_becomes_dense_captions_with_the_annotators_times(clips, audio):
    rows = list(dense_captions(clips, audio("Yb0RFKhbpFJA.wav", "a-b_cDEFGHI_0.wav"), Writer()))
    assert [row.id for row in rows] == ["audioset-dense-b0RFKhbpFJA_30000", "audioset-dense-a-b_cDEFGHI_0"]
    speech, wind = rows[0].events
    # Spans of one class that overlap are one; the clip ends at 10 s, and so does what is in it.
    assert (speech.label, speech.intervals) == ("Male speech, man speaking", ((0.0, 3.0), (4.753, 5.72)))
    assert (wind.label, wind.intervals) == ("Wind", ((0.0, 10.0),))
    assert rows[1].events[0].intervals == ((2.627, 10.0),)
    assert "man speaking" in speech.caption.lower()
    assert [row_problems(row) for row in rows] == [[], []]


def test_every_build_writes_the_same(clips, audio):
    recordings = audio("b0RFKhbpFJA.wav")
    first, second = (list(dense_captions(clips, recordings, Writer())) for _ in range(2))
    assert first == second
    assert recordings.missing == {"a-b_cDEFGHI_0"}


def test_audioset_grounds_each_class_by_its_description_and_optionally_absent_ones(clips, audio):
    recordings = audio("b0RFKhbpFJA.wav", "a-b_cDEFGHI.wav")
    rows = list(groundings(clips, recordings, Writer()))
    assert [len(row.events) for row in rows] == [1, 1, 1]
    assert rows[2].query.lower().find("cheering") >= 0
    rows = list(groundings(clips, recordings, Writer(), absent_share=1.0))
    absent = [row for row in rows if not row.events]
    assert len(absent) == 2
    assert "cheering" in absent[0].query.lower()
    assert all(row_problems(row) == [] for row in rows)


def test_a_class_that_contains_one_of_the_clips_is_never_called_absent(tmp_path, audio):
    (tmp_path / "s.tsv").write_text(TSV.splitlines()[0] + "\nx_0\t0\t1\ta\ny_0\t0\t1\tb\n")
    (tmp_path / "n.tsv").write_text("a\tSpeech\nb\tMale speech, man speaking\n")
    rows = groundings(read_clips(tmp_path / "s.tsv", tmp_path / "n.tsv"), audio("x_0.wav", "y_0.wav"), Writer(), 1.0)
    assert [len(row.events) for row in rows] == [1, 1]


def test_the_evaluation_subset_has_the_papers_size_and_short_captions(clips, audio):
    rows = list(dense_captions(clips, audio("b0RFKhbpFJA.wav", "a-b_cDEFGHI.wav"), Writer()))
    assert len(evaluation_subset(rows)) == 2
    assert evaluation_subset(rows, 1) == evaluation_subset(rows[::-1], 1)
    long = rows[0].__class__(id="long", audio="x", task="dense_caption", events=(Annotation(((0, 1),), "word " * 100),))
    assert long not in evaluation_subset([*rows, long])


def test_labels_without_a_name_and_files_of_another_format_are_reported(tmp_path, clips):
    (tmp_path / "few.tsv").write_text("/m/03m9d0z\tWind\n")
    with pytest.raises(DataError, match="no name for /m/05zppz"):
        read_clips(tmp_path / "strong.tsv", tmp_path / "few.tsv")
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(DataError, match="no column segment_id"):
        read_clips(tmp_path / "other.tsv", tmp_path / "names.tsv")


def test_tacos_keeps_the_annotators_words_and_joins_regions_of_one_caption(tmp_path, audio):
    (tmp_path / "annotations_strong.csv").write_text(
        "filename,text,onset,offset\n"
        '122144.mp3,"A dog barks, twice.",3.1,4.0\n'
        "122144.mp3,Birds sing.,0.0,9.5\n"
        '122144.mp3,"A dog barks, twice.",6.0,6.8\n'
        "99.mp3,Nobody has it.,0,1\n"
    )
    recordings = audio("122144.wav")
    rows = list(regions(tmp_path / "annotations_strong.csv", recordings))
    assert [(e.caption, e.intervals) for e in rows[0].events] == [
        ("Birds sing.", ((0.0, 9.5),)),
        ("A dog barks, twice.", ((3.1, 4.0), (6.0, 6.8))),
    ]
    assert len(rows) == 1
    assert recordings.missing == {"99.mp3"}


def test_audiotime_takes_times_from_its_events_not_from_its_captions(tmp_path, audio):
    scene = {
        "event": {"Electric shaver, electric razor": [[1.056, 5.158]], "Jackhammer": [[7.66, 10.0]]},
        "caption": "An electric shaver buzzes from 1 to 2 seconds, followed by a jackhammer.",
    }
    path = tmp_path / "timestamp_captions.json"
    path.write_text(json.dumps({"syn_1": scene}))
    (row,) = simulated(path, audio("syn_1.wav"), Writer())
    assert [e.intervals for e in row.events] == [((1.056, 5.158),), ((7.66, 10.0),)]
    assert "electric razor" in row.events[0].caption.lower()
    path.write_text(json.dumps({"syn_1": {"event": {"Jackhammer": 2.3}, "caption": "It ran for 2.3 s."}}))
    with pytest.raises(DataError, match="timestamp_captions"):
        list(simulated(path, audio("syn_1.wav"), Writer()))


def test_audiogrounding_asks_for_phrases_and_keeps_unheard_ones_as_absent(tmp_path, audio):
    item = {
        "audiocap_id": 97151, "audio_id": "YH7-orYrKBeo.wav",
        "tokens": ["A", "man", "'s", "voice", "followed", "by", "birds"],
        "phrases": [
            {
                "phrase": ["A", "man", "'s", "voice"], "start_index": 0, "end_index": 3,
                "segments": [[0.0, 2.1], [4, 5.5]],
            },
            {"phrase": ["birds"], "start_index": 6, "end_index": 6, "segments": []},
        ],
    }  # fmt: skip
    path = tmp_path / "test.json"
    path.write_text(json.dumps([item]))
    man, birds = phrases(path, audio("YH7-orYrKBeo.wav"))
    assert (man.id, man.query) == ("audiogrounding-97151-0", "A man's voice")
    assert man.events[0].intervals == ((0.0, 2.1), (4.0, 5.5))
    assert birds.events == ()
    path.write_text(json.dumps([{"caption": "old form"}]))
    with pytest.raises(DataError, match="version 2"):
        list(phrases(path, audio()))
