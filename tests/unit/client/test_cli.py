"""The command line: its output, its error messages and its exit statuses."""

import json
import os
import subprocess
import sys
import threading

import pytest

from timeaudio.cli import main

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(b"sound")
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_caption_prints_table_and_timeline(server, caption_json, clip, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # wider than the path to the clip
    server.answer(200, caption_json)
    assert run("caption", clip, "--server", server.url) == 0
    output = capsys.readouterr()
    assert output.err == ""
    lines = output.out.splitlines()
    assert lines[0] == f"{clip}  10.0 s"
    assert any(line.split() == ["0.0", "2.5", "A", "dog", "barks."] for line in lines)
    assert any(line.split() == ["3.2", "8.0"] for line in lines)
    assert any(line.startswith("A dog barks.  █") for line in lines)
    assert "timeaudio-small took 0.31 s." in output.out


def test_a_name_cannot_control_the_terminal(server, caption_json, tmp_path, capsys):
    server.answer(200, caption_json)
    path = tmp_path / "red\x1b[31m\nname.wav"
    path.write_bytes(b"sound")
    assert run("caption", path, "--server", server.url) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "red[31mname.wav" in "".join(out.split())  # a long path is wrapped


def test_an_unknown_width_of_the_terminal_loses_nothing(server, caption_json, clip, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    server.answer(200, caption_json)
    assert run("caption", clip, "--server", server.url) == 0
    assert "A dog barks." in capsys.readouterr().out


def test_a_pipe_is_a_recording(server, caption_json, tmp_path, capsys):
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    server.answer(200, caption_json)
    writer = threading.Thread(target=path.write_bytes, args=(b"sound",))
    writer.start()
    assert run("caption", path, "--server", server.url) == 0
    writer.join()
    assert server.received[0].all("file") == [b"sound"]


def test_a_closed_standard_input_is_named(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)  # as Python leaves it
    assert run("caption", "-", "--server", NOBODY) == 1
    assert "it is closed; name a file, or give the recording through a pipe." in capsys.readouterr().err


def test_ground_names_absent_queries_and_shows_confidence(server, grounding_json, clip, capsys):
    server.answer(200, grounding_json)
    assert run("ground", clip, "a dog barks", "rain", "--server", server.url) == 0
    out = capsys.readouterr().out
    assert any(line.split() == ["0.2", "2.7", "0.75", "a", "dog", "barks"] for line in out.splitlines())
    assert "rain  (not heard)" in out
    assert server.received[0].all("query") == [b"a dog barks", b"rain"]


def test_no_events_print_a_sentence(server, caption_json, clip, capsys):
    server.answer(200, {**caption_json, "events": []})
    assert run("caption", clip, "--server", server.url) == 0
    assert "No sound events are heard." in capsys.readouterr().out


def test_json_of_one_file_is_one_object(server, caption_json, clip, capsys):
    server.answer(200, caption_json)
    assert run("caption", clip, "--json", "--server", server.url) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(clip), **caption_json}


def test_json_of_several_files_is_one_object_per_line(server, caption_json, clip, capsys):
    server.answer(200, caption_json)
    assert run("caption", clip, clip, "--json", "--server", server.url) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["file"] for line in lines] == [str(clip)] * 2


def test_a_file_that_fails_does_not_stop_the_others(server, caption_json, clip, tmp_path, capsys):
    server.answer(200, caption_json)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("caption", tmp_path / "nothing.wav", empty, clip, "--json", "--server", server.url) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 1
    missing, folder, total = output.err.splitlines()
    assert missing == f"timeaudio: {tmp_path}/nothing.wav: no such file. Check the path."
    assert "holds no recordings" in folder
    assert total == "timeaudio: 2 of 3 files failed."


def test_an_error_of_the_server_is_one_line(server, clip, capsys):
    server.answer(413, {"detail": "Send at most 150 s;\nthis recording is 180.0 s."})
    assert run("caption", clip, "--server", server.url) == 1
    assert capsys.readouterr().err == f"timeaudio: {clip}: Send at most 150 s; this recording is 180.0 s.\n"


def test_an_unreachable_server_is_one_line_with_advice(clip, capsys):
    assert run("caption", clip, "--server", NOBODY) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert "timeaudio serve" in output.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("bogus",),
        ("caption",),
        ("caption", "a.wav", "--bogus"),
        ("caption", "a.wav", "--server", "localhost:8000"),
        ("caption", "a.wav", "--server", "http://host..example:8000"),
        ("batch", "folder", "-o", "rows.jsonl", "--server", f"http://{'a' * 64}.example"),
        ("caption", "a.wav", "--server", NOBODY, "--model", "folder"),
        ("caption", "a.wav", "--server", NOBODY, "--model", "folder", "--stream"),
        ("caption", ""),
        ("ask", "a.wav", "caf\udce9"),
        ("ground", "a.wav", "-q", "caf\udce9"),
        ("ground", "a.wav"),
        ("ask", "a.wav"),
        ("ask", "a.wav", "how", "often"),
        ("caption", "a.wav", "-f", "ass"),
        ("caption", "a.wav", "-f", "srt", "-f", "vtt"),
        ("caption", "a.wav", "b.wav", "-f", "srt"),
        ("caption", "a.wav", "-f", "srt", "--json"),
        ("caption", "a.wav", "--resume"),
        ("ground", __file__, __file__),
        ("caption", "a.wav", "--track", "4294967296"),
        ("serve", "--port", "70000"),
        ("batch", "", "-o", "rows.jsonl"),
        ("batch", "folder", "-o", "rows.jsonl", "--task", "ground", "-q", " "),
        ("batch", "folder", "-o", "rows.jsonl", "--task", "ask", "-q", "caf\udce9"),
    ],
)
def test_invalid_arguments_exit_with_status_2(arguments, capsys):
    assert run(*arguments) == 2
    output = capsys.readouterr()
    if arguments:
        assert output.out == ""
        assert len(output.err.splitlines()) == 1
        assert "--help" in output.err
        assert "?." not in output.err


@pytest.mark.parametrize("arguments", [("--help",), ("ground", "-h")])
def test_help_exits_with_status_0(arguments, capsys):
    assert run(*arguments) == 0
    assert "Usage: timeaudio" in capsys.readouterr().out


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("timeaudio 0.")


def test_a_terminal_without_unicode_gets_ascii(server, caption_json, clip):
    caption_json["events"][0]["caption"] = "Ein Hund bellt über Köln."
    server.answer(200, caption_json)
    ended = subprocess.run(
        [sys.executable, "-m", "timeaudio", "caption", clip, "--server", server.url],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin"},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert b"+---" in ended.stdout
    assert b"####" in ended.stdout
    assert ended.stdout.isascii()


def test_a_closed_pipe_gives_no_traceback(server, caption_json, clip):
    server.answer(200, caption_json)
    command = f"'{sys.executable}' -m timeaudio caption {clip} {clip} --json --server {server.url} | true"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr


def test_a_bug_is_one_line_unless_debugging_is_on(clip, monkeypatch, capsys):
    def explode(*_: object, **__: object) -> int:
        raise RuntimeError("lost\nit")

    monkeypatch.setattr("timeaudio.cli.run_analysis.answer_each", explode)
    assert run("caption", clip, "--server", NOBODY) == 1
    assert capsys.readouterr().err == (
        "timeaudio: RuntimeError: lost it. This is a bug; set TIMEAUDIO_DEBUG=1 to see the traceback.\n"
    )
    monkeypatch.setenv("TIMEAUDIO_DEBUG", "1")
    with pytest.raises(RuntimeError, match="lost"):
        run("caption", clip, "--server", NOBODY)
