"""`timeaudio data`, as it is run."""

import json
import shutil
from pathlib import Path

import pytest

from training.data.validate import read_manifest
from training.sources.command import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def esc(tmp_path):
    """Two recordings that come with the project, in a folder as a data set of kinds has it."""
    folder = tmp_path / "esc"
    (folder / "audio").mkdir(parents=True)
    rows = ["filename,category,fold,subset,source"]
    for name, kind in (("dog-barking", "dog"), ("rooster-crowing", "rooster")):
        shutil.copy(ROOT / "server" / "recordings" / f"{name}.flac", folder / "audio")
        rows.append(f"{name}.flac,{kind},4,esc10,{name}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_sources_are_built_joined_and_checked(tmp_path, audio, capsys):
    audio("a_0.wav")
    (tmp_path / "s.tsv").write_text(
        "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\na_0\t0\t1\tx\ngone_0\t0\t1\tx\n"
    )
    (tmp_path / "n.tsv").write_text("x\tBark\n")
    sources = [
        "--labels",
        str(tmp_path / "s.tsv"),
        "--names",
        str(tmp_path / "n.tsv"),
        "--audio",
        str(tmp_path / "audio"),
    ]
    assert main(["audioset-strong", *sources, "--out", str(tmp_path / "a.jsonl")]) == 0
    assert "a.jsonl: 2 lines." in (out := capsys.readouterr().out)
    assert "1 recordings are missing" in out
    story = tmp_path / "stories" / "x.story"
    story.parent.mkdir()
    story.write_text("One thing happened. Another did.\n\n@highlight\n\nThings happened\n")
    talk = ["cnn-dailymail", "--articles", str(story.parent), "--speech", str(tmp_path / "speech"), "--engine", "tones"]
    assert main([*talk, "--out", str(tmp_path / "c.jsonl")]) == 0
    joined = tmp_path / "deep" / "joined.jsonl"
    assert main(["join", str(tmp_path / "a.jsonl"), str(tmp_path / "c.jsonl"), "--out", str(joined)]) == 0
    capsys.readouterr()
    assert main(["check", str(joined)]) == 0
    assert "3 lines, 2 recordings" in capsys.readouterr().out


HEADER = "file_name," + ",".join(f"caption_{n}" for n in range(1, 6))
PHRASE = {"phrase": ["a", "dog"], "start_index": 0, "end_index": 1, "segments": [[0.0, 2.1]]}
FILES = {
    "tacos": ("--annotations", "filename,text,onset,offset\nx.mp3,A dog barks.,3.1,4.0\n"),
    "audiotime": ("--captions", json.dumps({"x": {"event": {"Bark": [[1.0, 2.0]]}, "caption": "A dog barks."}})),
    "audiogrounding": (
        "--items", json.dumps([{"audiocap_id": 1, "audio_id": "x.wav", "tokens": ["a", "dog"], "phrases": [PHRASE]}]),
    ),
    "openaqa": (
        "--questions", json.dumps([{"instruction": "How many dogs?", "audio_id": "as/x.flac", "output": "Two."}]),
    ),
    "audiocaps": ("--captions", "audiocap_id,youtube_id,start_time,caption\n1,x,130,A dog barks\n"),
    "clotho": ("--captions", f"{HEADER}\nx.wav,one,two,three,four,five\n"),
    "ftar": (
        "--json",
        json.dumps([{"id": "1", "audio": "x.wav", "question": "What sounds are heard?", "answer": "1.4 - 3.7 seconds, "
                     "A dog.", "duration": 10.0}]),
    ),
}  # fmt: skip


def test_every_source_is_one_command(tmp_path, audio, capsys):
    audio("x.wav")
    out, wrong = tmp_path / "o.jsonl", []
    for source, (option, text) in FILES.items():
        (tmp_path / "given").write_text(text)
        given = [source, option, str(tmp_path / "given"), "--audio", str(tmp_path / "audio"), "--out", str(out)]
        status, said = main(given), capsys.readouterr()
        rows = read_manifest(out)
        out.unlink()
        if status != 0 or len(rows) != (5 if source == "clotho" else 1) or f"{len(rows)} lines." not in said.out:
            wrong.append((source, status, len(rows), said))
    assert wrong == []


def test_librispeech_is_read_aloud_or_written_down(tmp_path, tone_wav):
    chapter = tmp_path / "LibriSpeech" / "19" / "198"
    chapter.mkdir(parents=True)
    (chapter / "19-198.trans.txt").write_text("19-198-0000 ONE THING\n19-198-0001 ANOTHER\n")
    for number in (0, 1):
        (chapter / f"19-198-000{number}.flac").write_bytes(tone_wav(24.0))
    given = ["--corpus", str(tmp_path / "LibriSpeech"), "--out", str(tmp_path / "o.jsonl")]
    assert main(["librispeech", *given, "--speech", str(tmp_path / "speech")]) == 0
    assert {row.task for row in read_manifest(tmp_path / "o.jsonl")} == {"summarize"}
    assert main(["transcription", *given]) == 0
    assert {row.task for row in read_manifest(tmp_path / "o.jsonl")} == {"ask"}


def test_only_sources_that_write_sentences_take_an_endpoint(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["tacos", "--annotations", "a", "--audio", "b", "--out", "c", "--endpoint", "http://localhost/v1"])
    assert "unrecognized arguments: --endpoint" in capsys.readouterr().err


def test_check_lists_all_problems_and_fails(tmp_path, capsys):
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(json.dumps({"audio": f"{n}.wav", "task": "dense_caption"}) for n in range(30)))
    assert main(["check", str(path)]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 30
    assert captured.err == f"timeaudio data: 30 problems in {path}.\n"


def test_join_makes_colliding_ids_unique(tmp_path, audio):
    audio("x.wav")
    for name in ("a", "b"):
        line = {"audio": "audio/x.wav", "task": "ground", "query": "a dog"}  # no id: both are line-1
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(line) + "\n")
    out = tmp_path / "both.jsonl"
    assert main(["join", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"), "--out", str(out)]) == 0
    assert [row.id for row in read_manifest(out)] == ["a-line-1", "b-line-1"]


def test_a_failed_command_keeps_the_manifest_and_reports_rows_of_another_format(tmp_path, audio, capsys):
    option, text = FILES["tacos"]
    given, out = tmp_path / "given", tmp_path / "o.jsonl"
    given.write_text(text)
    audio("x.wav")
    (tmp_path / "empty").mkdir()
    command = ["tacos", option, str(given), "--out", str(out), "--audio"]
    assert main([*command, str(tmp_path / "audio")]) == 0
    before = out.read_text()
    assert main([*command, str(tmp_path / "empty")]) == 2
    assert "none of the recordings is in" in capsys.readouterr().err
    assert out.read_text() == before
    given.write_text(json.dumps([{"tokens": [], "phrases": [PHRASE]}]))
    assert main(["audiogrounding", "--items", str(given), "--audio", str(tmp_path / "audio"), "--out", str(out)]) == 2
    assert "another format" in capsys.readouterr().err


def test_missing_files_are_reported_without_a_traceback(tmp_path, capsys):
    gone = str(tmp_path / "gone")
    assert main(["tacos", "--annotations", gone, "--audio", gone, "--out", str(tmp_path / "o.jsonl")]) == 2
    assert "does not exist: download it" in capsys.readouterr().err
    assert main(["check", gone]) == 2


def test_the_benchmark_is_the_same_each_time_and_asks_all_about_sounds(tmp_path, esc, capsys):
    options = ["benchmark", "--recordings", str(esc), "--scale", "0.01", "--out"]
    assert main([*options, str(tmp_path / "one")]) == 0
    assert main([*options, str(tmp_path / "two")]) == 0
    parts = ("dense", "grounding", "questions", "long")
    for part in parts:
        rows = [read_manifest(tmp_path / name / f"{part}.jsonl") for name in ("one", "two")]
        assert [r.events for r in rows[0]] == [r.events for r in rows[1]]
    sound = [sorted((tmp_path / name / "audio").iterdir()) for name in ("one", "two")]
    assert [p.read_bytes() for p in sound[0]] == [p.read_bytes() for p in sound[1]]
    tasks = {row.task for part in parts for row in read_manifest(tmp_path / "one" / f"{part}.jsonl")}
    assert tasks == {"dense_caption", "ground", "ask"}
    assert any(not row.events for row in read_manifest(tmp_path / "one" / "grounding.jsonl"))
    long = read_manifest(tmp_path / "one" / "long.jsonl")
    assert {row.duration for row in long} == {60.0, 90.0, 120.0, 150.0}
