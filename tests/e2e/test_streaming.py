"""Answers as server-sent events: each result as soon as it is found, then the whole answer, or an error."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from timeaudio.results import DenseCaption, Grounding, QuestionAnswer, Summary

ROUTES: dict[str, tuple[Any, str, str, dict[str, Any]]] = {
    "/v1/dense-caption": (DenseCaption, "events", "event", {}),
    "/v1/ground": (Grounding, "results", "result", {"query": ["a dog", "nothing"]}),
    "/v1/summarize": (Summary, "segments", "segment", {}),
    "/v1/ask": (QuestionAnswer, "intervals", "interval", {"question": "how often?"}),
}


def messages(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield the name and data of each message; comments have the name "comment"."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name or "comment"] = value
        elif fields:
            yield (fields["event"], json.loads(fields["data"])) if "event" in fields else ("comment", None)
            fields = {}


def streamed(client: httpx.Client, path: str, sound: bytes, **fields: Any) -> list[tuple[str, Any]]:
    with client.stream("POST", path, data={"stream": "true", **fields}, files={"file": sound}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"
        return list(messages(response.iter_lines()))


@pytest.mark.parametrize("path", ROUTES)
def test_a_stream_sends_results_then_the_whole_answer(
    four_tasks: Any, tone_wav: Callable[..., bytes], path: str
) -> None:
    kind, field, name, fields = ROUTES[path]
    sound = tone_wav(5.0)
    with four_tasks.client() as client:
        first, *pieces, last = streamed(client, path, sound, start="1", **fields)
        whole = client.post(path, data={"start": "1", **fields}, files={"file": sound}).json()
    assert first[0] == "start"
    assert first[1]["audio"] == {"duration": 4.0, "start": 1.0, "warnings": []}
    assert [found for found, _ in pieces] == [name] * len(pieces)
    assert last[0] == "done"
    assert first[1]["id"] == last[1]["id"]
    assert [piece for _, piece in pieces] == last[1][field]
    assert kind.model_validate(last[1]).usage == kind.model_validate(whole).usage
    assert last[1][field] == whole[field]


def test_messages_are_numbered(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    with four_tasks.client() as client:
        response = client.post("/v1/dense-caption?stream=1", files={"file": tone_wav(2.0)})
    assert [line for line in response.text.splitlines() if line.startswith("id:")] == ["id: 0", "id: 1", "id: 2"]


def test_the_first_result_is_sent_before_the_second_is_found(scripted: Any, tone_wav: Callable[..., bytes]) -> None:
    begun = time.monotonic()
    fields = {"stream": "true", "query": ["a dog", "sleep 2"]}
    with (
        scripted.client() as client,
        client.stream("POST", "/v1/ground", data=fields, files={"file": tone_wav(30.0)}) as response,
    ):
        came = {}
        for name, _ in messages(response.iter_lines()):
            came.setdefault(name, time.monotonic() - begun)
    assert came["result"] < 0.5 * came["done"]


def test_an_invalid_request_gets_an_http_error(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    with four_tasks.client() as client:
        for fields, status in (
            ({"response_format": "srt"}, 422),
            ({"num_beams": "99"}, 422),
            ({"stream": "maybe"}, 422),
        ):
            response = client.post(
                "/v1/dense-caption", data={"stream": "true", **fields}, files={"file": tone_wav(1.0)}
            )
            assert response.status_code == status
            assert response.headers["content-type"] == "application/problem+json"
        response = client.post("/v1/dense-caption", data={"stream": "true"}, files={"file": b"no sound at all"})
        assert response.status_code == 415


def test_an_error_in_a_stream_is_a_message(scripted: Any, tone_wav: Callable[..., bytes]) -> None:
    with scripted.client() as client:
        received = streamed(client, "/v1/ground", tone_wav(2.0), query=["a dog", "raise"])
    assert [name for name, _ in received] == ["start", "result", "error"]
    problem = received[-1][1]
    assert (problem["status"], problem["type"]) == (500, "urn:timeaudio:problem:internal")
    assert "secrets" not in json.dumps(problem)
    assert "request id" in problem["detail"]


def test_a_deadline_in_a_stream_is_a_message(scripted: Any, tone_wav: Callable[..., bytes]) -> None:
    with scripted.client() as client:
        received = streamed(client, "/v1/ground", tone_wav(2.0), query=["a dog", "sleep 9"], timeout_s="1")
    assert [name for name, _ in received] == ["start", "result", "error"]
    assert received[-1][1]["status"] == 504


def test_closing_a_stream_stops_its_work(scripted: Any, tone_wav: Callable[..., bytes]) -> None:
    cancelled = scripted.metric("timeaudio_request_failure_total")
    fields = {"stream": "true", "query": ["a dog", "sleep 60"]}
    with (
        scripted.client() as client,
        client.stream("POST", "/v1/ground", data=fields, files={"file": tone_wav(2.0)}) as response,
    ):
        received = messages(response.iter_lines())
        # After its first result, the request is running. Before that, it may be waiting.
        assert [next(received)[0], next(received)[0]] == ["start", "result"]
        assert scripted.metric("timeaudio_num_requests_running") == 1
    for _ in range(100):
        if scripted.metric("timeaudio_num_requests_running") == 0:
            break
        time.sleep(0.05)
    assert scripted.metric("timeaudio_num_requests_running") == 0
    assert scripted.metric("timeaudio_num_requests_waiting") == 0
    assert scripted.metric("timeaudio_request_failure_total") == cancelled + 1


def test_closing_before_the_first_message_stops_the_work(scripted: Any, tone_wav: Callable[..., bytes]) -> None:
    # Four requests take all slots. The fifth waits, and its caller disconnects before the first message.
    def occupy() -> None:
        with scripted.client() as client:
            client.post("/v1/ground", data={"query": "sleep 3"}, files={"file": tone_wav(1.0)})

    others = [threading.Thread(target=occupy) for _ in range(4)]
    for other in others:
        other.start()
    while scripted.metric("timeaudio_num_requests_running") < 4:
        time.sleep(0.02)
    with scripted.client(timeout=0.5) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/ground", data={"query": "a dog", "stream": "true"}, files={"file": tone_wav(1.0)})
    give_up = time.monotonic() + 2  # before a slot is free
    while scripted.metric("timeaudio_num_requests_waiting") > 0:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    for other in others:
        other.join()


def test_an_idle_stream_sends_comments(run_scripted: Any, tone_wav: Callable[..., bytes]) -> None:
    with run_scripted(TIMEAUDIO_PING_S="0.2") as server, server.client() as client:
        received = streamed(client, "/v1/ground", tone_wav(1.0), query=["sleep 1"])
    names = [name for name, _ in received]
    assert names[0] == "start"
    assert names[-1] == "done"
    assert names.count("comment") >= 3
