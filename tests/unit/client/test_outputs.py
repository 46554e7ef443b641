"""What stdout and the folder of answers hold for names of files that are long, not UTF-8, or taken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from timeaudio.cli import main
from timeaudio.errors import ClientError
from timeaudio.outputs import write_whole


def test_a_file_may_have_the_longest_possible_name(tmp_path):
    path = tmp_path / "new" / f"{'n' * 250}.json"
    write_whole(path, "{}\n")
    assert [file.read_text() for file in path.parent.iterdir()] == ["{}\n"]


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "taken.json").mkdir()
    with pytest.raises(ClientError, match="taken.json cannot be written: Is a directory."):
        write_whole(tmp_path / "taken.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.json"]


def test_a_missing_folder_of_answers_is_not_called_a_missing_recording(server, caption_json, tmp_path, capsys):
    (tmp_path / "a.wav").write_bytes(b"x")
    server.answer(200, caption_json)
    assert main(["caption", str(tmp_path / "a.wav"), "-o", "/proc/no", "--server", server.url]) == 1
    assert "/proc/no/a.json cannot be written: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("form", [["--json"], ["--json-lines"]])
def test_json_names_files_that_are_not_utf_8(server, caption_json, tmp_path, capfdbinary, form):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    path.write_bytes(b"x")
    server.answer(200, caption_json)
    assert main(["caption", str(path), "--server", server.url, *form]) == 0
    assert json.loads(capfdbinary.readouterr().out)["file"] == str(path)


@pytest.mark.parametrize("more", [["--json"], ["--stream"]])
def test_a_full_disk_behind_stdout_is_not_the_fault_of_a_recording(server, caption_json, tmp_path, more):
    clips = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for clip in clips:
        clip.write_bytes(b"x")
    if more == ["--stream"]:
        event, done = (json.dumps(fields) for fields in (caption_json["events"][0], caption_json))
        stream = f"event: event\ndata: {event}\n\nevent: done\ndata: {done}\n\n"
        server.answer(200, stream.encode(), content_type="text/event-stream")
    else:
        server.answer(200, caption_json)
    command = [sys.executable, "-m", "timeaudio", "caption", *map(str, clips), *more, "--server", server.url]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "timeaudio: [Errno 28] No space left on device\n")
    assert len(server.received) == 1
