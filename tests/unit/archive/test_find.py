"""`timeaudio find` on archives that the batch's own writers wrote."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import srt

from tests.unit.archive.conftest import row
from timeaudio.archive.matching import meanings
from timeaudio.archive.store import Archive
from timeaudio.cli import main


def find(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main(["find", *map(str, words)])
    output = capfd.readouterr()
    return status, output.out, output.err


def test_a_query_finds_the_events_of_its_kind_by_path_and_time(farm, capfd):
    status, out, err = find(capfd, "a dog barking", farm)
    assert status == 0
    assert out.splitlines() == [
        "yard/morning.wav: 0.5 - 2.5 s: A dog is barking. (0.90)",
        "yard/morning.wav: 9.5 - 11.0 s: A puppy yelps. (0.30)",
        "yard/night.wav: 0.0 - 8.0 s: Dogs bark in the rain.",
    ]
    assert "means the kind dog (dog, bark, puppy" in err
    assert "3 events in 2 recordings" in err


def test_a_synonym_and_a_group_mean_the_same_kinds(farm, capfd):
    assert find(capfd, "a canine", farm)[1] == find(capfd, "dogs", farm)[1]
    status, out, err = find(capfd, "an animal", farm)
    assert status == 0
    assert len(out.splitlines()) == 3
    assert "the kinds cat, chirping_birds, cow" in err


def test_other_queries_find_captions_with_all_their_words_in_any_form(farm, capfd):
    for query in ("whales singing", "crying whale", "singing child"):
        status, out, err = find(capfd, query, farm)
        assert (status, out.count("\n")) == (0, 1), query
        assert "captions with" in err
    assert find(capfd, "whale thunderclap x", farm)[1] == ""


def test_a_query_that_says_more_than_a_kind_falls_back_on_the_kind_and_says_so(farm, capfd):
    status, out, err = find(capfd, "a purple dog", farm)
    assert status == 0
    assert len(out.splitlines()) == 3
    assert "because no caption has all its words" in err
    assert find(capfd, "a purple dog", farm, "--words")[0] == 1


def test_nothing_found_is_said_with_exit_status_1(farm, capfd):
    status, out, err = find(capfd, "a helicopter", farm)
    assert (status, out) == (1, "")
    assert "Nothing found for 'a helicopter' (the kind helicopter (" in err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--min-confidence", "0.3"], ["0.5", "9.5"]),
        (["--min-confidence", "0.31"], ["0.5"]),
        (["--min-confidence", "0"], ["0.5", "9.5", "0.0"]),
        (["--longer-than", "2"], ["0.0"]),  # the bark is exactly two seconds long
        (["--longer-than", "1.9"], ["0.5", "0.0"]),
        (["--shorter-than", "2"], ["9.5"]),
        (["--after", "2026-06-01T05:30"], ["0.5", "9.5"]),
        (["--after", "2026-06-01T05:30:01"], []),
        (["--before", "2026-06-01T05:30:00"], []),
        (["--before", "2026-06-02"], ["0.5", "9.5"]),
        (["--limit", "1"], ["0.5"]),
        (["--limit", str(2**70)], ["0.5", "9.5", "0.0"]),
    ],
)
def test_options_choose_events(farm, capfd, options, expected):
    status, out, _ = find(capfd, "dog", farm, *options)
    assert [line.split(": ")[1].split()[0] for line in out.splitlines()] == expected
    assert status == (0 if expected else 1)


def test_csv_is_read_by_a_reader_of_csv(write_archive, capfd):
    archive = write_archive([row('a,"b".wav', "2026-06-01T05:30:00", 3.0, (0.0, 1.25, "=dog()", 0.5))])
    _, out, _ = find(capfd, "dog", archive, "--format", "csv")
    [found] = csv.DictReader(io.StringIO(out))
    assert found == {
        "path": 'a,"b".wav',
        "start_s": "0.000",
        "end_s": "1.250",
        "label": "'=dog()",  # no formula
        "confidence": "0.5",
        "recorded_at": "2026-06-01T05:30:00",
    }


def test_odd_paths_and_captions_survive_in_every_format(write_archive, capfd, tmp_path):
    caption = 'A dog, "big"\nbarks --> loud;\ttab\r\n\r\n2'
    paths = ["-x.wav", "=cmd.wav", "new\nline.wav"]
    archive = tmp_path / "odd.parquet"
    other = "start_s := 0.0, end_s := 1.25, confidence := 0.5"  # the batch writes captions on one line
    duckdb.read_parquet(str(write_archive([row(path, None, 3.0) for path in paths], "plain"))).project(
        f"* REPLACE ([struct_pack({other}, label := '{caption}')] AS spans)"
    ).write_parquet(str(archive))
    _, out, _ = find(capfd, "dog", archive, "--format", "csv")
    read = [(found["path"], found["label"]) for found in csv.DictReader(io.StringIO(out, newline=""))]
    assert read == [("-x.wav", caption), ("'=cmd.wav", caption), ("new\nline.wav", caption)]
    shown = 'A dog, "big" barks --> loud; tab 2'
    _, out, _ = find(capfd, "dog", archive)
    assert out.splitlines() == [f"{path}: 0.0 - 1.2 s: {shown} (0.50)" for path in (*paths[:2], "new line.wav")]
    _, out, _ = find(capfd, "dog", archive, "--format", "m3u")
    assert out.splitlines()[1::4] == [f"#EXTINF:1,{shown}"] * 3
    here = Path.cwd()
    assert out.splitlines()[4::4] == [f"{here}/-x.wav", f"{here}/=cmd.wav", f"file://{here}/new%0Aline.wav"]
    find(capfd, "dog", archive, "--format", "srt", "-o", tmp_path / "out")
    for written in (tmp_path / "out").iterdir():
        [cue] = srt.parse(written.read_text())
        assert cue.content == shown.replace("-->", "->")


def test_an_archive_without_recordings_is_searched(write_archive, capfd):
    status, out, err = find(capfd, "dog", write_archive([]))
    assert (status, out) == (1, "")
    assert "Nothing found for 'dog'" in err


def test_a_playlist_has_absolute_paths_and_the_times_of_each_event(farm, capfd):
    (farm.parent / "yard").mkdir()
    (farm.parent / "yard" / "morning.wav").write_bytes(b"")
    _, out, _ = find(capfd, "rain", farm, "--format", "m3u", "--limit", "1")
    assert out.splitlines() == [
        "#EXTM3U",
        "#EXTINF:6,Rain falls on a roof.",
        "#EXTVLCOPT:start-time=3.000",
        "#EXTVLCOPT:stop-time=9.000",
        str(farm.parent / "yard" / "morning.wav"),
    ]


def test_subtitles_go_to_a_file_for_each_recording(farm, capfd, tmp_path):
    status, _, err = find(capfd, "dog", farm, "--format", "srt")
    assert status == 2
    assert "add -o DIR" in err
    assert find(capfd, "dog", farm, "--format", "srt", "-o", tmp_path / "out")[0] == 0
    cues = list(srt.parse((tmp_path / "out" / "yard" / "morning.srt").read_text()))
    assert [(cue.start.total_seconds(), cue.content) for cue in cues] == [
        (0.5, "A dog is barking."),
        (9.5, "A puppy yelps."),
    ]
    assert (tmp_path / "out" / "yard" / "night.srt").exists()
    _, out, _ = find(capfd, "whale", farm, "--format", "audacity")
    assert out == "1.000000\t4.000000\tA whale sings; a child cries.\n"


def test_paths_outside_are_written_inside_the_folder(write_archive, capfd, tmp_path):
    archive = write_archive(
        [row("../up.wav", None, 3.0, (0, 1, "A dog.", 1.0)), row("/abs/olute.wav", None, 3.0, (0, 1, "A dog.", 1.0))]
    )
    assert find(capfd, "dog", archive, "--format", "srt", "-o", tmp_path / "out")[0] == 0
    assert sorted(map(str, (tmp_path / "out").rglob("*.srt"))) == [
        f"{tmp_path}/out/abs/olute.srt",
        f"{tmp_path}/out/up.srt",
    ]


def test_paths_that_meet_below_a_folder_get_numbers(write_archive, capfd, tmp_path):
    paths = ["../a.wav", "/a.wav", "a.wav"]
    archive = write_archive([row(path, None, 3.0, (0, 1, f"A dog in {path}", 1.0)) for path in paths])
    assert find(capfd, "dog", archive, "--format", "srt", "-o", tmp_path / "out")[0] == 0
    written = [(tmp_path / "out" / name).read_text() for name in ("a.srt", "a (2).srt", "a (3).srt")]
    assert [text.splitlines()[2] for text in written] == [f"A dog in {path}" for path in paths]
    clash = write_archive(
        [row(path, None, 3.0, (0, 1, "A dog.", 1.0)) for path in ("b.wav", "b.mp3", "b.mp3.ogg")], "b"
    )
    status, _, err = find(capfd, "dog", clash, "--format", "srt", "-o", tmp_path / "out")
    assert status == 2
    assert "would be written to the same files" in " ".join(err.split())


def test_a_folder_of_parts_is_one_archive(write_archive, capfd, tmp_path):
    write_archive([row("a.wav", None, 3.0, (0, 1, "A dog.", 1.0))], "part1")
    write_archive([row("b.wav", None, 3.0, (0, 1, "A dog.", 1.0))], "part2 [of two]")
    assert find(capfd, "dog", tmp_path)[1].count("\n") == 2


def test_words_beyond_ascii_are_found(write_archive, capfd):
    archive = write_archive([row("a.wav", None, 3.0, (0, 1, "Österreichische Blasmusik", 1.0))])
    assert find(capfd, "österreichische", archive)[0] == 0
    assert find(capfd, "sterreichische", archive)[0] == 1


@pytest.mark.parametrize(
    ("caption", "found", "missed"),
    [
        ("一只狗在远处大声吠叫。", ["狗", "大声吠叫", "一只狗 吠叫"], ["猫", "狗吠叫"]),
        ("遠くで犬が吠えている。", ["犬", "犬が吠え", "吠え 遠く"], ["犬が鳴", "猫"]),
        ("サイレンが鳴る。", ["サイレン", "サイレン 鳴る"], ["サイレント"]),
        ("สุนัขเห่าอยู่ไกลๆ", ["สุนัข", "เห่า"], ["แมว", "สุข"]),
        ("有3只狗在bark。", ["3只狗", "barks", "狗 bark"], ["4只狗", "ark"]),
    ],
)
def test_a_script_without_spaces_is_found_inside_a_caption(write_archive, capfd, caption, found, missed):
    archive = write_archive([row("a.wav", None, 3.0, (0, 1, caption, 1.0))])
    for words in found:
        status, out, err = find(capfd, words, archive, "--words")
        assert (status, out) == (0, f"a.wav: 0.0 - 1.0 s: {caption} (1.00)\n"), words
        assert all(reading.matches(caption) for reading in meanings(words, only_words=True))
    assert "captions with" in err
    for words in missed:
        assert find(capfd, words, archive, "--words")[:2] == (1, ""), words
        assert not any(reading.matches(caption) for reading in meanings(words, only_words=True))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.parquet", None, "no such file"),
        ("rows.jsonl", b"{}\n", "is not Parquet. Run `mv"),
        ("text.parquet", b"no parquet at all", "cannot be read as Parquet"),
        ("folder/notes.txt", b"", "has no .parquet file"),
    ],
)
def test_what_is_not_an_archive_is_refused_with_a_way_out(capfd, tmp_path, name, content, message):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if content is not None:
        path.write_bytes(content)
    status, _, err = find(capfd, "dog", path.parent if path.suffix == ".txt" else path)
    assert status == 2
    assert message in err


def test_other_parquet_is_refused(capfd, tmp_path):
    duckdb.sql("SELECT 'x' AS path").write_parquet(str(tmp_path / "other.parquet"))
    status, _, err = find(capfd, "dog", tmp_path / "other.parquet")
    assert status == 2
    assert "has no column duration_s, spans, status" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dog", "--before", "2026-02-30"], "'2026-02-30' is not a date"),
        (["dog", "--after", "0001-01-01T00:00+23:00"], "is not a date"),
        (["dog", "--server", "http://127.0.0.1:9"], "are for --verify"),
        (["dog", "-o", "out"], "-o is for --format srt and audacity"),
    ],
)
def test_wrong_usage_is_refused(farm, capfd, words, message):
    status, _, err = find(capfd, words[0], farm, *words[1:])
    assert status == 2
    assert message in err


def test_a_query_without_words_is_refused(farm, capfd):
    status, _, err = find(capfd, "?!", farm)
    assert status == 2
    assert "has no words" in err


def test_a_query_that_is_too_long_is_refused(farm, capfd):
    assert find(capfd, "x " * 500, farm)[0] == 1
    status, _, err = find(capfd, "x" * 1001, farm)
    assert status == 2
    assert "The query has 1001 characters. Use at most 1000." in err


def test_what_an_apostrophe_leaves_of_a_word_is_not_a_word(farm, capfd):
    for query in ("it's raining", "It’s raining", "I'd hear rain"):  # noqa: RUF001  as phones write it
        assert find(capfd, query, farm)[1] == find(capfd, "rain", farm)[1], query
    assert find(capfd, "the whale's song", farm)[1] == find(capfd, "whale song", farm)[1]


def test_a_letter_is_not_the_start_of_a_word(write_archive, capfd):
    archive = write_archive([row("a.wav", None, 3.0, (0, 1, "A phone rings.", 1.0), (1, 2, "R. speaks.", 1.0))])
    assert find(capfd, "r", archive)[1] == "a.wav: 1.0 - 2.0 s: R. speaks. (1.00)\n"


def test_an_archive_without_dates_of_an_earlier_version_can_be_searched(farm, capfd, tmp_path: Path):
    older = tmp_path / "older.parquet"
    duckdb.read_parquet(str(farm)).project("* EXCLUDE recorded_at").write_parquet(str(older))
    assert find(capfd, "dog", older)[1] == find(capfd, "dog", farm)[1]
    assert find(capfd, "dog", older, "--after", "2020-01-01")[0] == 1


def test_a_recording_whose_name_is_not_utf_8_is_located(write_archive, tmp_path: Path):
    names = ["caf\udce9.wav", "a\\xe9.wav", "é.wav"]  # the second has a backslash in its name
    archive = Archive(write_archive([row(name, None, 3.0, (0, 1, "A dog barks.", 1.0)) for name in names]))
    for name in names:
        (tmp_path / name).touch()
    paths = [path for (path,) in archive.connection.execute("SELECT path FROM archive").fetchall()]
    assert paths[0] == r"caf\xe9.wav"
    assert [archive.locate(path) for path in paths] == [tmp_path / name for name in names]


def test_a_closed_standard_output_is_no_fault(farm):
    command = f"exec {sys.executable} -m timeaudio find dog {farm} >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
