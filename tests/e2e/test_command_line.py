"""The client and the command line against a real server with a scripted model."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from timeaudio import ApiError, Client, ServerUnreachable
from timeaudio.cli import main
from timeaudio.formats import FORMATS


@pytest.fixture
def clip(tmp_path: Path, tone_wav: Callable[..., bytes]) -> Path:
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(3.0))
    return path


def test_dense_caption_through_the_client(scripted: Any, clip: Path) -> None:
    with Client(scripted.url) as client:
        result = client.dense_caption(clip)
    assert result.model == "scripted"
    assert [(event.caption, event.intervals[0].start, event.intervals[0].end) for event in result.events] == [
        ("All of it.", 0.0, 3.0)
    ]
    assert result.audio.duration == 3.0


def test_times_of_a_part_count_from_the_start_of_the_file(scripted: Any, clip: Path) -> None:
    with Client(scripted.url) as client:
        result = client.dense_caption(clip, start=1.0, end=2.5)
    assert (result.audio.start, result.audio.duration) == (1.0, 1.5)
    assert [(i.start, i.end) for event in result.events for i in event.intervals] == [(1.0, 2.5)]


def test_several_queries_through_the_client(scripted: Any, clip: Path) -> None:
    with Client(scripted.url) as client:
        result = client.ground(clip, ["a dog barks", "nothing"])
    assert [(found.query, found.present, len(found.intervals)) for found in result.results] == [
        ("a dog barks", True, 1),
        ("nothing", False, 0),
    ]


def test_an_error_through_the_client(scripted: Any) -> None:
    with Client(scripted.url) as client, pytest.raises(ApiError) as caught:
        client.dense_caption(b"no sound at all")
    assert (caught.value.status, caught.value.type) == (415, "urn:timeaudio:problem:unsupported-audio")


def test_the_error_names_invalid_options(scripted: Any, clip: Path) -> None:
    with Client(scripted.url) as client, pytest.raises(ApiError) as caught:
        client.ground(clip, [])
    assert caught.value.status == 422
    assert [error.pointer for error in caught.value.errors] == ["#/query"]


def test_the_client_waits_while_the_model_loads(run_scripted: Any, clip: Path) -> None:
    with run_scripted(SCRIPTED_LOAD="slow", ready=False) as server, Client(server.url) as client:
        assert not client.is_ready()
        while True:  # the client waits for the model, not for the port
            try:
                assert client.dense_caption(clip).events
                break
            except ServerUnreachable:
                assert server.process.poll() is None, server.text()
                time.sleep(0.05)


def test_the_command_line_prints_the_answer_of_the_server(scripted: Any, clip: Path, capsys: Any) -> None:
    assert main(["ground", str(clip), "a dog barks", "nothing", "--server", scripted.url]) == 0
    out = capsys.readouterr().out
    assert "nothing  (not heard)" in out
    assert any(line.split()[:2] == ["0.1", "1.5"] for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "path", "fields"),
    [
        (["caption"], "/v1/dense-caption", {}),
        (["ground", "-q", "a dog", "-q", "nothing"], "/v1/ground", {"query": ["a dog", "nothing"]}),
        (["summarize"], "/v1/summarize", {}),
        (["ask", "-q", "how often?"], "/v1/ask", {"question": "how often?"}),
    ],
)
def test_files_of_the_command_line_equal_those_of_the_server(
    four_tasks: Any, clip: Path, tmp_path: Path, words: list[str], path: str, fields: dict[str, Any]
) -> None:
    folder = tmp_path / "answers"
    assert main([*words, str(clip), "-o", str(folder), "-f", "all", "--server", four_tasks.url]) == 0
    with four_tasks.client() as http, clip.open("rb") as file:
        for name in ("srt", "vtt", "tsv", "audacity", "rttm", "textgrid"):
            file.seek(0)
            response = http.post(path, data=fields | {"response_format": name}, files={"file": (clip.name, file)})
            written = (folder / f"tone{FORMATS[name].suffix}").read_bytes()
            assert written == response.content
            assert written


def test_the_error_names_an_unsupported_task(scripted: Any, clip: Path, capsys: Any) -> None:
    assert main(["summarize", str(clip), "--server", scripted.url]) == 1
    assert "was not trained for summarize; it supports: dense_caption, ground." in capsys.readouterr().err


def test_json_of_the_command_line_is_the_answer_of_the_server(scripted: Any, clip: Path, capsys: Any) -> None:
    assert main(["caption", str(clip), "--json", "--server", scripted.url]) == 0
    printed = json.loads(capsys.readouterr().out)
    with scripted.client() as http:
        direct = http.post("/v1/dense-caption", files={"file": clip.read_bytes()}).json()
    assert printed.pop("file") == str(clip)
    changing = {"id", "timing"}
    assert {k: v for k, v in printed.items() if k not in changing} == {
        k: v for k, v in direct.items() if k not in changing
    }
    assert printed.keys() == direct.keys()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_stream_prints_one_line_per_result(
    four_tasks: Any, clip: Path, capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    server = four_tasks.url if scheme == "http" else f"grpc://{four_tasks.grpc}"

    def output(*words: str) -> str:
        assert main([*words, "--stream", "--server", server]) == 0
        return capsys.readouterr().out

    assert output("summarize", str(clip)) == "0.0 - 1.5 s: Hello.\n1.5 - 3.0 s: Goodbye.\n"
    assert output("ground", str(clip), "a dog", "nothing") == "a dog: 0.1 - 1.5 s\nnothing: not heard\n"
    assert output("ask", str(clip), "How often?") == "HOW OFTEN?\n"
    caption = '0.0 - 1.5 s, 1.4 - 3.0 s: A dog says "wow" --> twice.'
    assert output("caption", str(clip), str(clip)) == f"{clip}: {caption}\n{clip}: {caption}\n"
    lines = [json.loads(line) for line in output("ask", str(clip), "How often?", "--json-lines").splitlines()]
    assert lines == [
        {"file": str(clip), "start": 0.0, "end": 0.1, "confidence": None},
        {"file": str(clip), "answer": "HOW OFTEN?"},
    ]


def test_a_stream_prints_each_line_as_soon_as_it_is_found(scripted: Any, clip: Path) -> None:
    command = [sys.executable, "-m", "timeaudio", "ground", str(clip), "a dog", "sleep 2", "--stream"]
    with subprocess.Popen([*command, "--server", scripted.url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "a dog: 0.1 - 1.5 s\n"
        first = time.monotonic()
        assert process.stdout.readline().startswith("sleep 2")
        assert time.monotonic() - first > 1.0


def test_a_stream_needs_a_server_and_supports_only_line_formats(
    four_tasks: Any, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["caption", str(clip), "--stream"]) == 2
    assert "--server" in capsys.readouterr().err
    for more in (["-o", str(tmp_path)], ["-f", "srt"], ["--json"]):
        assert main(["caption", str(clip), "--stream", "--server", four_tasks.url, *more]) == 2
        assert "--json-lines" in capsys.readouterr().err
    missing = tmp_path / "missing.wav"
    assert main(["caption", str(missing), str(clip), "--stream", "--server", four_tasks.url]) == 1
    output = capsys.readouterr()
    assert "no such file" in output.err
    assert "A dog says" in output.out


def test_a_streamed_answer_is_one_line_without_control_characters(four_tasks: Any, clip: Path, capsys: Any) -> None:
    words = ["ask", str(clip), "who is\x1b[31m\nthere", "--stream", "--server", four_tasks.url]
    assert main(words) == 0
    assert capsys.readouterr().out == "WHO IS [31M THERE\n"
