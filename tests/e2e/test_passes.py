"""Recordings longer than a pass are split, at a length per task, with the same answer over every transport."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import grpc
import openai
import pytest

from tests.e2e.test_streaming import streamed
from tests.e2e.test_transports import ROUTES, WAYS, over_rest
from timeaudio import AsyncClient, Client
from timeaudio.formats import write
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

NUM_PASSES = {30.0: 1, 30.1: 2, 40.0: 2, 100.0: 4}
LONG_TASKS = ("dense_caption", "ground")


@pytest.mark.parametrize("task", ROUTES)
def test_captions_and_queries_use_passes_of_30_s_other_tasks_one_pass(
    four_tasks: Any, tone_wav: Callable[..., bytes], task: str
) -> None:
    for seconds, num_passes in NUM_PASSES.items():
        answer: Any = over_rest(four_tasks, task, tone_wav(seconds, rate=8000), {})
        number = num_passes if task in LONG_TASKS else 1
        num_answers = 2 if task == "ground" else 1
        assert answer.usage.prompt_tokens == 12 * number * num_answers
        assert answer.usage.completion_tokens == 7 * number * num_answers
        assert answer.usage.audio_seconds == seconds
        match task:
            case "dense_caption":
                [event] = answer.events  # the events of all passes, joined
                assert min(i.start for i in event.intervals) == 0.0
                assert max(i.end for i in event.intervals) == seconds
            case "ground":
                found = [(result.present, len(result.intervals)) for result in answer.results]
                assert found == [(True, number), (False, 0)]


def test_every_transport_joins_passes_the_same_way(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    sound = tone_wav(40.0, rate=8000)
    different = []
    for task in LONG_TASKS:
        first = over_rest(four_tasks, task, sound, {"start": 1.0})
        for way in ("gRPC", "stream http", "stream grpc"):  # test_transports.py has them all
            answer = WAYS[way](four_tasks, task, sound, {"start": 1.0})
            if answer.model_copy(update={"id": first.id, "timing": first.timing}) != first:
                different.append((task, way, answer))
    assert different == []


def test_the_chat_route_joins_passes_too(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    sound = tone_wav(40.0, rate=8000)
    audio = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound).decode(), "format": "wav"}}
    text = {"type": "text", "text": "When does a dog bark?"}
    body = {"model": "scripted", "messages": [{"role": "user", "content": [text, audio]}]}
    with four_tasks.client() as client:
        completion = client.post("/v1/chat/completions", json=body).json()
    assert completion["task"] == "ground"
    [found] = completion["result"]["results"]
    assert [(i["start"], i["end"]) for i in found["intervals"]] == [(0.1, 11.0), (18.1, 29.0)]


def without_progress(messages: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(name, data) for name, data in messages if name != "progress"]


def test_a_stream_reports_how_many_passes_are_done(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    for task in LONG_TASKS:
        path, _, words, field = ROUTES[task]
        with four_tasks.client() as client:
            messages = streamed(client, path, tone_wav(100.0, rate=8000), **words)
            short = streamed(client, path, tone_wav(30.0, rate=8000), **words)
        progress = [data for name, data in messages if name == "progress"]
        assert progress == [{"passes_done": number, "passes": 4} for number in range(5)]
        names = [name for name, _ in messages]
        assert (names[:2], names[-1]) == (["start", "progress"], "done")
        assert len(messages) == 2 + len(progress) + len(messages[-1][1][field])
        assert "progress" not in [name for name, _ in short]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_clients_follow_the_progress(four_tasks: Any, tone_wav: Callable[..., bytes], scheme: str) -> None:
    address, sound = four_tasks.url if scheme == "http" else f"grpc://{four_tasks.grpc}", tone_wav(100.0, rate=8000)
    progress: list[tuple[int, int]] = []

    async def asynchronously() -> Any:
        async with AsyncClient(address) as client:
            client.on_progress = lambda done, passes: progress.append((done, passes))
            answer = await client.dense_caption(sound)
            assert (await client.stream_dense_caption(sound).answer()).events == answer.events
            return answer

    with Client(address) as client:
        plain = client.dense_caption(sound)
        client.on_progress = lambda done, passes: progress.append((done, passes))
        followed = client.dense_caption(sound)
        text = client.dense_caption(sound, response_format="srt")
        assert client.dense_caption(tone_wav(5.0)).events
        assert list(client.stream_dense_caption(sound)) == list(plain.events)
    assert followed.events == plain.events == asyncio.run(asynchronously()).events
    assert text == write(plain, "srt")
    assert progress == [(done, 4) for done in range(5)] * 5


def test_a_grpc_stream_reports_the_progress(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    requests = [
        pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_GROUND, queries=["a dog"])),
        pb.AnalyzeRequest(chunk=tone_wav(40.0, rate=8000)),
    ]
    with grpc.insecure_channel(four_tasks.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        parts = list(TimeAudioServiceStub(channel).Analyze(iter(requests), timeout=30))
    assert [part.WhichOneof("part") for part in parts] == ["start", *["progress"] * 3, "result", "ground"]
    assert [(part.progress.passes_done, part.progress.passes) for part in parts[1:4]] == [(0, 2), (1, 2), (2, 2)]


def test_a_chat_stream_has_only_content(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    audio = {"data": base64.b64encode(tone_wav(100.0, rate=8000)).decode(), "format": "wav"}
    messages: list[Any] = [{"role": "user", "content": [{"type": "input_audio", "input_audio": audio}]}]
    with openai.OpenAI(base_url=f"{four_tasks.url}/v1", api_key="none", max_retries=0) as client:
        chunks = list(client.chat.completions.create(model="scripted", messages=messages, stream=True))
    events = chunks[-1].model_extra["result"]["events"]
    written = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert len(chunks) == 2 + len(events)
    assert written.count("\n") == len(events) - 1


def test_a_stream_sends_only_final_results_after_each_pass(scripted: Any, tone_wav: Callable[..., bytes]) -> None:
    with scripted.client() as client:
        messages = streamed(client, "/v1/dense-caption", tone_wav(100.0, rate=8000))
        # The event lasts until the end, so it is final only then.
        assert [name for name, _ in without_progress(messages)] == ["start", "event", "done"]
        messages = streamed(client, "/v1/ground", tone_wav(100.0, rate=8000), query=["a dog", "nothing"])
    messages = without_progress(messages)
    assert [name for name, _ in messages] == ["start", "result", "result", "done"]
    intervals = [(i["start"], i["end"]) for i in messages[1][1]["intervals"]]
    assert intervals == [(start + 0.1, start + 14.0) for start in (0.0, 24.0, 48.0, 72.0)]
    assert messages[2][1]["present"] is False


def test_the_operator_can_change_the_length_of_passes(
    run_server: Callable[..., Any], tone_wav: Callable[..., bytes]
) -> None:
    more = {"TIMEAUDIO_PASSES__SECONDS": "150", "TIMEAUDIO_PASSES__WHOLE_S": "40"}
    with run_server(module="tests.scripted_engine", **more) as server:
        for task in ("dense_caption", "summarize", "ask"):
            assert over_rest(server, task, tone_wav(40.0, rate=8000), {}).usage.completion_tokens == 7
        sound = tone_wav(40.1, rate=8000)
        assert over_rest(server, "dense_caption", sound, {}).usage.completion_tokens == 7
        assert over_rest(server, "summarize", sound, {}).usage.completion_tokens == 14
        with server.client() as client:
            refused = client.post("/v1/ask", data={"question": "how often?"}, files={"file": sound})
    assert refused.status_code == 413
    assert "at most 40 s" in refused.json()["detail"]
    assert "TIMEAUDIO_PASSES__WHOLE_S; select a part with start and end" in refused.json()["detail"]
