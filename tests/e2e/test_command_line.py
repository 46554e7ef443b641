"""The client and the command line against a real server with a scripted model."""

import json
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


def test_a_part_is_told_on_the_clock_of_the_file(scripted: Any, clip: Path) -> None:
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


def test_a_refusal_through_the_client(scripted: Any) -> None:
    with Client(scripted.url) as client, pytest.raises(ApiError) as caught:
        client.dense_caption(b"no sound at all")
    assert (caught.value.status, caught.value.type) == (415, "urn:timeaudio:problem:unsupported-audio")


def test_wrong_options_are_named(scripted: Any, clip: Path) -> None:
    with Client(scripted.url) as client, pytest.raises(ApiError) as caught:
        client.ground(clip, [])
    assert caught.value.status == 422
    assert [error.pointer for error in caught.value.errors] == ["#/query"]


def test_a_starting_server_is_waited_for(run_scripted: Any, clip: Path) -> None:
    with run_scripted(SCRIPTED_LOAD="slow", ready=False) as server, Client(server.url) as client:
        assert not client.is_ready()
        while True:  # the client waits for the model, not for the port
            try:
                assert client.dense_caption(clip).events
                break
            except ServerUnreachable:
                assert server.process.poll() is None, server.text()
                time.sleep(0.05)


def test_the_command_line_prints_what_the_server_says(scripted: Any, clip: Path, capsys: Any) -> None:
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
def test_files_of_the_command_line_are_what_the_server_writes(
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


def test_a_task_that_the_server_s_model_does_not_know_is_told(scripted: Any, clip: Path, capsys: Any) -> None:
    assert main(["summarize", str(clip), "--server", scripted.url]) == 1
    assert "was not trained for summarize; it does: dense_caption, ground." in capsys.readouterr().err


def test_json_of_the_command_line_is_the_servers_answer(scripted: Any, clip: Path, capsys: Any) -> None:
    assert main(["caption", str(clip), "--json", "--server", scripted.url]) == 0
    told = json.loads(capsys.readouterr().out)
    with scripted.client() as http:
        direct = http.post("/v1/dense-caption", files={"file": clip.read_bytes()}).json()
    assert told.pop("file") == str(clip)
    changing = {"id", "timing"}
    assert {k: v for k, v in told.items() if k not in changing} == {
        k: v for k, v in direct.items() if k not in changing
    }
    assert told.keys() == direct.keys()
