"""The commands of the four tasks: which recordings they find, where they write answers, and what they resume."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from timeaudio import DenseCaption, Grounding
from timeaudio.cli import main
from timeaudio.formats import FORMATS, write

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ask(server, caption_json):
    """`ask("caption", FILE, ...)`: run a command with a server that returns captions. Returns the exit status."""
    server.answer(200, caption_json)
    return lambda *words: main([*map(str, words), "--server", server.url])


@pytest.fixture
def captions(caption_json):
    return DenseCaption.model_validate(caption_json)


def make(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    return paths


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def received_files(server) -> list[str]:
    return [request.all("file")[0].decode() for request in server.received]


def test_a_summary_is_a_table_of_segments(server, summary_json, tmp_path, capsys):
    [clip] = make(tmp_path, "talk.mp3")
    server.answer(200, summary_json)
    assert main(["summarize", str(clip), "--server", server.url]) == 0
    out = capsys.readouterr().out
    assert any(line.split() == ["0.0", "4.1", "She", "greets."] for line in out.splitlines())
    server.script[0].body = {**summary_json, "segments": []}
    assert main(["summarize", str(clip), "--server", server.url]) == 0
    assert "No speech is heard." in capsys.readouterr().out


@pytest.mark.parametrize("form", [["How often?"], ["-q", "How often?"]])
def test_a_question_and_its_answer(server, question_json, tmp_path, capsys, form):
    [clip] = make(tmp_path, "a.wav")
    server.answer(200, question_json)
    assert main(["ask", str(clip), *form, "--server", server.url]) == 0
    out = capsys.readouterr().out
    assert "How often?\nOnce.\n" in out
    assert any(line.split() == ["0.5", "1.0", "Once."] for line in out.splitlines())
    assert server.received[0].all("question") == [b"How often?"]


def test_an_answer_without_times_prints_only_text(server, question_json, tmp_path, capsys):
    [clip] = make(tmp_path, "a.wav")
    server.answer(200, {**question_json, "intervals": []})
    assert main(["ask", str(clip), "How often?", "--server", server.url]) == 0
    out = capsys.readouterr().out
    assert "Once." in out
    assert "start" not in out


def test_several_queries_for_several_files(server, grounding_json, tmp_path, capsys):
    clips = make(tmp_path, "a.wav", "b.wav")
    server.answer(200, grounding_json)
    words = ["ground", *map(str, clips), "-q", "a dog barks", "-q", "rain", "--json", "--server", server.url]
    assert main(words) == 0
    assert received_files(server) == ["a.wav", "b.wav"]
    assert all(request.all("query") == [b"a dog barks", b"rain"] for request in server.received)
    assert [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()] == list(map(str, clips))


def test_a_file_in_place_of_a_query_gives_an_error_with_advice(tmp_path, capsys):
    clips = make(tmp_path, "a.wav", "b.wav")
    assert main(["ground", *map(str, clips), "rain"]) == 2
    assert "is a file. With several files, use -q QUERY" in capsys.readouterr().err


def test_a_folder_is_searched_without_hidden_files(ask, server, tmp_path, capsys):
    names = ["b.WAV", "a.flac", "deep/er/c.opus", "notes.txt", ".hidden.wav", ".cache/d.wav", "film.mkv"]
    make(tmp_path, *names)
    assert ask("caption", tmp_path, "--json-lines") == 0
    assert received_files(server) == ["a.flac", "b.WAV", "c.opus", "film.mkv"]
    found = [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()]
    assert found == [str(tmp_path / name) for name in ("a.flac", "b.WAV", "deep/er/c.opus", "film.mkv")]


def test_a_pattern_is_expanded_if_the_shell_did_not(ask, server, tmp_path):
    make(tmp_path, "a1.wav", "a2.wav", "b.wav", "deep/a3.wav")
    assert ask("caption", tmp_path / "a*.wav") == 0
    assert ask("caption", tmp_path / "**" / "a3.*") == 0
    assert received_files(server) == ["a1.wav", "a2.wav", "a3.wav"]
    assert ask("caption", tmp_path / "c*.wav") == 1


def test_a_file_name_with_brackets_is_not_a_pattern(ask, server, tmp_path):
    make(tmp_path, "take[1].wav", "take1.wav")
    assert ask("caption", tmp_path / "take[1].wav") == 0
    assert received_files(server) == ["take[1].wav"]


def test_standard_input(ask, server, captions, tmp_path, monkeypatch, capsys):
    for words, written in ((["--json"], None), (["-o", str(tmp_path)], "stdin.json"), (["-f", "rttm"], None)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"through a pipe")))
        assert ask("caption", "-", *words) == 0
        out = capsys.readouterr().out
        assert written is None or files(tmp_path) == [written]
    assert out == write(captions, "rttm", name="stdin")
    assert received_files(server) == ["through a pipe"] * 3


def test_files_in_every_format(ask, server, captions, tmp_path, capsys):
    [clip] = make(tmp_path, "my street.flac")
    folder = tmp_path / "new" / "answers"
    assert ask("caption", clip, "-o", folder, "-f", "all") == 0
    assert files(folder) == sorted(f"my street{row.suffix}" for row in FORMATS.values())
    for name, row in FORMATS.items():
        text = (folder / f"my street{row.suffix}").read_text(encoding="utf-8")
        assert text == write(captions, name, name="my street.flac")
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("timeaudio: 1 recording: 10.0 s of sound in ")
    assert len(server.received) == 1


def test_files_are_json_by_default(ask, tmp_path, capsys):
    [clip] = make(tmp_path, "a.wav")
    assert ask("caption", clip, "--output_dir", tmp_path / "o", "--json-lines") == 0
    assert files(tmp_path / "o") == ["a.json"]
    assert json.loads(capsys.readouterr().out)["file"] == str(clip)


def test_answers_keep_the_folder_structure_of_the_recordings(ask, tmp_path):
    make(tmp_path / "in", "a.wav", "deep/a.wav")
    [other] = make(tmp_path / "elsewhere", "b.wav")
    assert ask("caption", tmp_path / "in", other, "-o", tmp_path / "o", "-f", "srt", "-f", "srt") == 0
    assert files(tmp_path / "o") == ["a.srt", "b.srt", "deep/a.srt"]


def test_recordings_that_differ_only_in_extension_keep_it(ask, tmp_path):
    clips = make(tmp_path, "a.wav", "a.flac", "b.wav")
    assert ask("caption", *clips, *clips, "-o", tmp_path / "o", "-f", "vtt") == 0
    assert files(tmp_path / "o") == ["a.flac.vtt", "a.wav.vtt", "b.vtt"]


def test_recordings_with_the_same_output_file_are_rejected_first(ask, server, tmp_path, capsys):
    clips = make(tmp_path, "one/a.wav", "two/a.wav")
    assert ask("caption", *clips, "-o", tmp_path / "o") == 2
    assert "would be written to the same files" in capsys.readouterr().err
    assert server.received == []


def test_formats_with_the_same_output_file_are_rejected_first(ask, server, tmp_path, capsys):
    clips = make(tmp_path, "x.wav", "x.verbose.wav")
    assert ask("caption", *clips, "-o", tmp_path / "o", "-f", "json", "-f", "verbose_json") == 2
    assert "would be written to the same files" in capsys.readouterr().err
    assert server.received == []


def test_a_folder_without_recordings_is_named(ask, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert ask("caption", ".", "-o", "o") == 1
    assert "no recordings" in capsys.readouterr().err


def test_a_question_may_be_longer_than_a_file_name(server, question_json, tmp_path, capsys):
    server.answer(200, question_json)
    [clip] = make(tmp_path, "a.wav")
    question = "Как часто лает собака? " * 20
    assert main(["ask", str(clip), question, "--server", server.url]) == 0
    assert server.received[0].all("question") == [question.encode()]


def test_resume_processes_only_missing_recordings(ask, server, tmp_path, capsys):
    make(tmp_path / "in", "a.wav", "b.wav", "c.wav")
    words = ["caption", tmp_path / "in", "-o", tmp_path / "o", "-f", "srt", "-f", "json"]
    assert ask(*words) == 0
    (tmp_path / "o" / "b.json").unlink()
    server.received.clear()
    assert ask(*words, "--resume") == 0
    assert received_files(server) == ["b.wav"]
    assert "3 recordings, 2 skipped (answered before): 10.0 s" in capsys.readouterr().err
    server.received.clear()
    assert ask(*words, "--resume") == 0
    assert server.received == []
    assert ask(*words) == 0
    assert len(server.received) == 3


def test_resume_repeats_failed_recordings(server, caption_json, tmp_path, capsys):
    make(tmp_path / "in", "a.wav", "b.wav")
    words = ["caption", str(tmp_path / "in"), "-o", str(tmp_path / "o"), "--resume", "--server", server.url]
    server.answer(422, {"detail": "The file is damaged."})
    server.answer(200, caption_json)
    assert main(words) == 1
    assert files(tmp_path / "o") == ["b.json"]
    assert main(words) == 0
    assert received_files(server) == ["a.wav", "b.wav", "a.wav"]
    assert "2 recordings, 1 failed: 10.0 s" in capsys.readouterr().err


def test_resume_with_nothing_to_do_loads_no_model(ask, tmp_path, monkeypatch, capsys):
    make(tmp_path / "in", "a.wav", "b.wav")
    words = ["caption", str(tmp_path / "in"), "-o", str(tmp_path / "o")]
    assert ask(*words) == 0
    monkeypatch.setattr("timeaudio.local.LocalModel.__init__", lambda *_: pytest.fail("a model was loaded"))
    assert main([*words, "--resume"]) == 0
    assert "2 recordings, 2 skipped (answered before)" in capsys.readouterr().err
    assert ask(*words, "--resume", "--model", tmp_path) == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [("caption", []), ("ground", ["-q", "rain"]), ("summarize", []), ("ask", ["-q", "How often?"])],
)
def test_every_command_analyses_a_part(server, tmp_path, request, command, words):
    kinds = {"caption": "caption", "ground": "grounding", "summarize": "summary", "ask": "question"}
    server.answer(200, request.getfixturevalue(f"{kinds[command]}_json"))
    [clip] = make(tmp_path, "a.wav")
    part = ["--start", "600", "--end", "720.5", "--min-confidence", "0.25"]
    assert main([command, str(clip), *words, *part, "--server", server.url]) == 0
    [request] = server.received
    assert [request.all(name) for name in ("start", "end", "min_confidence")] == [[b"600.0"], [b"720.5"], [b"0.25"]]
    assert main([command, str(clip), *words, "--server", server.url]) == 0
    assert not {name for name, _ in server.received[1].fields} & {"start", "end", "min_confidence"}


@pytest.mark.parametrize(
    "words", [["--start", "-1"], ["--end", "0"], ["--start", "5", "--end", "5"], ["--min-confidence", "1.1"]]
)
def test_a_part_that_cannot_be(ask, server, tmp_path, words, capsys):
    [clip] = make(tmp_path, "a.wav")
    assert ask("caption", clip, *words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert server.received == []


def test_kinds_that_are_not_read_are_mentioned_once(ask, server, tmp_path, capsys):
    make(tmp_path, "a.wav", "b.ape", "c.dts")
    assert ask("caption", tmp_path, "--json-lines") == 0
    assert received_files(server) == ["a.wav"]
    [line] = capsys.readouterr().err.splitlines()
    assert "2 files were left out" in line


def test_an_unwritable_folder_is_one_line(ask, tmp_path, capsys):
    clip, taken = make(tmp_path, "a.wav", "taken")
    assert ask("caption", clip, "-o", taken) == 1
    line, _ = capsys.readouterr().err.splitlines()
    assert f"{taken / 'a.json'} cannot be written: File exists." in line


def test_text_output_is_utf_8_on_any_terminal(server, grounding_json, tmp_path):
    [clip] = make(tmp_path, "straße.wav")
    grounding_json["results"][0]["query"] = "雨"
    server.answer(200, grounding_json)
    command = [sys.executable, "-m", "timeaudio", "ground", clip, "雨", "-f", "tsv", "--server", server.url]
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, capture_output=True, env=env, check=False)
    assert ended.returncode == 0, ended.stderr
    answer = Grounding.model_validate(grounding_json)
    assert ended.stdout.decode() == write(answer, "tsv", name="straße.wav")


STREAM = "".join(
    f"event: event\ndata: {json.dumps({'intervals': [{'start': n, 'end': n + 1}], 'caption': 'x' * 9000})}\n\n"
    for n in range(200)
)


@pytest.mark.parametrize("words", [["--stream"], ["--stream", "--json-lines"], ["--json-lines"], ["-f", "srt"], []])
def test_a_reader_that_goes_away_ends_a_command_quietly(server, caption_json, tmp_path, words):
    clips = make(tmp_path, "a.wav", "b.wav", "c.wav") if "-f" not in words else make(tmp_path, "a.wav")
    caption_json["events"][0]["caption"] = "x" * 500_000
    if "--stream" in words:
        server.answer(200, STREAM.encode(), content_type="text/event-stream")
    else:
        server.answer(200, caption_json)
    command = [sys.executable, "-m", "timeaudio", "caption", *map(str, clips), *words, "--server", server.url]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def terminal(command: list[str], *, interrupt_when: Callable[[], object] | None = None) -> tuple[int, str, str]:
    """Run a command whose stderr is a terminal. Return the exit status, stdout and the terminal's output."""
    ours, theirs = pty.openpty()
    env = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL, env=env)
    os.close(theirs)
    if interrupt_when is not None:
        while not interrupt_when() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux raises this at the end
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.returncode, out.decode(), shown.decode()


@pytest.fixture
def slow_server(server, caption_json):
    progress = "".join(f'event: progress\ndata: {{"passes_done": {done}, "passes": 3}}\n\n' for done in (0, 2))
    stream = f"{progress}event: done\ndata: {json.dumps(caption_json)}\n\n"  # shown on a terminal
    server.answer(200, stream.encode(), content_type="text/event-stream")
    answer = server._answer

    def slowly(request):
        time.sleep(0.4)
        answer(request)

    server._answer = slowly
    return server


def test_a_terminal_shows_progress_speed_and_remaining_time(slow_server, tmp_path):
    make(tmp_path, "a.wav", "b.wav", "c.wav")
    command = [sys.executable, "-m", "timeaudio", "caption", str(tmp_path), "--json", "--server", slow_server.url]
    code, out, shown = terminal(command)
    assert code == 0
    assert [json.loads(line)["model"] for line in out.splitlines()] == ["timeaudio-small"] * 3
    for part in ("Listening to a.wav", "Listening to c.wav", "0/3", "2/3", "2/3 passes", "x real time", "0:00"):
        assert part in shown
    assert "timeaudio-small" not in shown


def test_an_interrupted_run_exits_with_130_and_leaves_only_whole_files(slow_server, tmp_path):
    make(tmp_path / "in", *(f"{number}.wav" for number in range(50)))
    folder = tmp_path / "o"
    command = [sys.executable, "-m", "timeaudio", "caption", str(tmp_path / "in"), "-o", str(folder)]
    code, out, shown = terminal([*command, "--server", slow_server.url], interrupt_when=lambda: files(folder))
    assert code == 130, shown
    assert out == ""
    assert "Traceback" not in shown
    whole = [name for name in files(folder) if name.endswith(".json")]
    assert 0 < len(whole) < 50
    assert all(json.loads((folder / name).read_text())["model"] for name in whole)


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("timeaudio su", ["summarize"]),
        ("timeaudio caption -f v", ["verbose_json", "vtt"]),
    ],
)
def test_completion(words, completed):
    env = os.environ | {"_TIMEAUDIO_COMPLETE": "complete_bash", "COMP_WORDS": words, "PYTHONPATH": str(ROOT)}
    env["COMP_CWORD"] = str(len(words.split()) - 1)
    ended = subprocess.run([sys.executable, "-m", "timeaudio"], capture_output=True, text=True, env=env, check=True)
    assert sorted(ended.stdout.split()) == completed
