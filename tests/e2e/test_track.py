"""The audio track of a file can be chosen over every transport, in both clients and in the shell."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from mcp import Client as McpClient

from tests.e2e.test_mcp import answer, over_stdio, refusal
from tests.e2e.test_streaming import streamed
from tests.e2e.test_transports import over_async_client, over_client, over_grpc, over_rest, over_stream
from tests.timed_files import bursts, tracks
from timeaudio import ApiError, AsyncClient, Client
from timeaudio.cli import main
from timeaudio.results import AnyAnswer, DenseCaption
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

WAYS = {
    "REST": over_rest,
    "gRPC": over_grpc,
    **{f"client {scheme}": over_client(scheme) for scheme in ("http", "grpc")},
    **{f"async client {scheme}": over_async_client(scheme) for scheme in ("http", "grpc")},
    **{f"stream {scheme}": over_stream(scheme) for scheme in ("http", "grpc")},
}
REFUSAL = "The file has 2 audio tracks, so track 2 does not exist. Send 0 to 1, or leave track out."


@pytest.fixture(scope="module")
def film() -> bytes:
    """A film with two audio tracks: one of 2 s, and the default one of 3 s."""
    return tracks("matroska", [(bursts(seconds=2), "flac", False), (bursts(seconds=3), "flac", True)], late=0.0)


def is_track(audio: Any, number: int) -> bool:
    warning = f"The file has 2 audio tracks; this is track {number}, counted from 0."
    return (audio["duration"], list(audio["warnings"])) == (number + 2.0, [warning])


def test_a_track_is_chosen(four_tasks: Any, film: bytes) -> None:
    problems: list[tuple[str, object, object]] = []
    for way, ask in WAYS.items():
        for number, options in [(1, {}), (0, {"track": 0}), (1, {"track": 1})]:
            answer = ask(four_tasks, "dense_caption", film, options)
            if not is_track(answer.audio.model_dump(), number):
                problems.append((way, options, answer.audio))
        part: AnyAnswer = ask(four_tasks, "dense_caption", film, {"track": 0, "start": 0.5})
        if part.audio.duration != 1.5:
            problems.append((way, "start", part.audio))
    assert problems == []


def test_a_track_that_does_not_exist_is_refused(four_tasks: Any, film: bytes) -> None:
    for way in ("client http", "client grpc", "async client http", "stream grpc"):
        with pytest.raises(ApiError) as caught:
            WAYS[way](four_tasks, "dense_caption", film, {"track": 2})
        assert (caught.value.status, caught.value.detail) == (422, REFUSAL), way
        assert caught.value.type == "urn:timeaudio:problem:no-such-track"


def chat(film: bytes, track: Any) -> dict[str, Any]:
    audio = {"type": "input_audio", "input_audio": {"data": base64.b64encode(film).decode(), "format": "mkv"}}
    return {"model": "scripted", "messages": [{"role": "user", "content": [audio]}], "track": track}


def test_every_kind_of_body_can_choose(four_tasks: Any, film: bytes) -> None:
    encoded = base64.b64encode(film).decode()
    with four_tasks.client() as client:
        answers: list[httpx.Response] = [
            client.post("/v1/dense-caption", json={"file": encoded, "track": 0}),
            client.post("/v1/dense-caption?track=0", content=film, headers={"Content-Type": "video/x-matroska"}),
            client.post("/v1/dense-caption", data={"track": "0"}, files={"file": film}),
            client.post("/v1/chat/completions", json=chat(film, 0)),
        ]
        assert all(is_track(body.get("result", body)["audio"], 0) for body in (answer.json() for answer in answers))
        assert is_track(client.post("/v1/dense-caption", json={"file": encoded, "track": None}).json()["audio"], 1)
        assert is_track(client.post("/v1/chat/completions", json=chat(film, None)).json()["result"]["audio"], 1)
        name, first = streamed(client, "/v1/dense-caption", film, track="0")[0]
        assert name == "start"
        assert is_track(first["audio"], 0)
        refused = client.post("/v1/chat/completions", json=chat(film, 2))
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, REFUSAL)
    assert refused.json()["error"]["code"] == "no_such_track"


def test_what_is_not_a_number_of_a_track(four_tasks: Any, film: bytes) -> None:
    with four_tasks.client() as client:
        for track in ("-1", "1.5", "first"):
            refused = client.post("/v1/dense-caption", data={"track": track}, files={"file": film})
            assert refused.status_code == 422
            assert [error["pointer"] for error in refused.json()["errors"]] == ["#/track"]


def test_a_chosen_track_is_found_in_each_request_anew(four_tasks: Any, film: bytes) -> None:
    async def both() -> list[DenseCaption]:
        async with AsyncClient(four_tasks.url) as client:
            return await asyncio.gather(*(client.dense_caption(film, track=number % 2) for number in range(6)))

    answers = asyncio.run(both())
    assert all(is_track(answer.audio.model_dump(), number % 2) for number, answer in enumerate(answers))


def test_live_sound_has_no_tracks(four_tasks: Any) -> None:
    live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000)
    config = pb.AnalyzeConfig(task=pb.TASK_DENSE_CAPTION, live=live, options=pb.Options(track=0))
    with (
        grpc.insecure_channel(four_tasks.grpc, [("grpc.enable_http_proxy", 0)]) as channel,
        pytest.raises(grpc.RpcError, match=r"options.track: applies to files only"),
    ):
        list(TimeAudioServiceStub(channel).Analyze(iter([pb.AnalyzeRequest(config=config)])))


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_shell_chooses_a_track(
    four_tasks: Any, film: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(film)
    server = ["--server", four_tasks.url if scheme == "http" else f"grpc://{four_tasks.grpc}"]
    ways: list[list[str]] = [["caption", str(path)], ["ground", str(path), "rain"], ["ask", str(path), "What?"]]
    for words in ways:
        assert main([*words, "--track", "0", "--json", *server]) == 0
        assert is_track(json.loads(capsys.readouterr().out)["audio"], 0)
    assert main(["caption", str(path), "--track", "2", *server]) == 1
    assert REFUSAL in " ".join(capsys.readouterr().err.split())
    assert main(["caption", str(path), "--track", "0", "--stream", *server]) == 0
    assert "0.0 - 1.0 s, 0.9 - 2.0 s" in capsys.readouterr().out


def test_every_tool_of_an_assistant_chooses_a_track(four_tasks: Any, film: bytes, tmp_path: Path) -> None:
    (tmp_path / "film.mkv").write_bytes(film)
    question: dict[str, Any] = {"question": "how often?"}
    tools = {"hear": {}, "find": {"queries": ["a dog"]}, "summarize": {}, "ask": question}

    async def talk(client: McpClient) -> None:
        for tool, words in tools.items():
            assert is_track((await answer(client, tool, path="film.mkv", **words))["audio"], 1), tool
            assert is_track((await answer(client, tool, path="film.mkv", track=0, **words))["audio"], 0), tool
        assert REFUSAL in await refusal(client, "hear", path="film.mkv", track=2)
        for wrong in (-1, 0.5, 2**32):
            assert "track" in await refusal(client, "hear", path="film.mkv", track=wrong)

    over_stdio(talk, "--server", four_tasks.url, "--root", tmp_path)


def test_a_client_rejects_what_is_not_a_whole_number(film: bytes) -> None:
    with Client("http://127.0.0.1:1") as client:
        mistakes: list[tuple[Any, type[Exception]]] = [("0", TypeError), (0.5, ValueError), (-1, ValueError)]
        for track, kind in mistakes:
            with pytest.raises(kind, match="track must be"):
                client.dense_caption(film, track=track)
