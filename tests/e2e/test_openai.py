"""The official `openai` client with a real server: its answers and errors."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.conftest import running


@pytest.fixture(scope="module")
def client(four_tasks: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{four_tasks.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def recording(tone_wav: Callable[..., bytes]) -> dict[str, Any]:
    data = base64.b64encode(tone_wav(4.0)).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def messages_with(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]}]


def complete(client: openai.OpenAI, messages: list[Any], **more: Any) -> Any:
    return client.chat.completions.create(model="scripted", messages=messages, **more)


INFERRED = {
    "Describe what you hear.": ("dense_caption", '0.0 - 2.0 s, 1.9 - 4.0 s: A dog says "wow" --> twice.'),
    "When does a dog bark?": ("ground", "a dog bark: 0.1 - 2.0 s"),
    "Find 'nothing'": ("ground", "nothing: not heard"),
    "Summarize the talk.": ("summarize", "0.0 - 2.0 s: Hello.\n2.0 - 4.0 s: Goodbye."),
    "How often does it bark?": ("ask", "HOW OFTEN DOES IT BARK?"),
}
"""Text -> task and content of the answer."""


def test_the_task_is_inferred_from_the_text(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    found = {}
    for words in INFERRED:
        completion = complete(client, messages_with(words, recording), temperature=0, seed=1)
        found[words] = (completion.model_extra["task"], completion.choices[0].message.content)
        assert completion.choices[0].finish_reason == "stop"
        assert completion.model_extra["result"]["audio"]["duration"] == 4.0
        assert completion.id == completion.model_extra["result"]["id"]
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
        assert completion.usage.prompt_tokens_details.audio_tokens == 40
    assert found == INFERRED


def test_a_request_may_have_no_text_or_name_its_task(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    assert complete(client, messages_with(recording)).model_extra["task"] == "dense_caption"
    completion = complete(client, messages_with("a dog", recording), extra_body={"task": "ground", "start": 1.0})
    assert completion.choices[0].message.content == "a dog: 1.1 - 2.5 s"


def test_the_last_text_of_the_user_counts_even_in_a_later_message(
    client: openai.OpenAI, recording: dict[str, Any]
) -> None:
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        *messages_with("Describe it.", recording),
        {"role": "assistant", "content": "A dog."},
        {"role": "user", "content": "When is the dog heard?"},
    ]
    assert complete(client, messages).choices[0].message.content == "the dog: 0.1 - 2.0 s"


def test_json_object_gives_the_native_answer_as_text(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    completion = complete(
        client, messages_with("When is rain heard?", recording), response_format={"type": "json_object"}
    )
    assert json.loads(completion.choices[0].message.content) == completion.model_extra["result"]


def test_an_answer_of_maximum_length_has_finish_reason_length_and_passes_do_not_add_up(
    client: openai.OpenAI, recording: dict[str, Any], tone_wav: Callable[..., bytes]
) -> None:
    for tokens, reason in ((8, "stop"), (7, "length"), (1_000_000, "stop")):
        completion = complete(client, messages_with(recording), max_completion_tokens=tokens)
        assert completion.choices[0].finish_reason == reason
    data = base64.b64encode(tone_wav(40.0, rate=8000)).decode()  # two passes, with an answer of 7 tokens each
    long = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    for tokens, reason in ((8, "stop"), (7, "length")):
        completion = complete(client, messages_with("Describe what you hear.", long), max_completion_tokens=tokens)
        assert completion.usage.completion_tokens == 14
        assert completion.choices[0].finish_reason == reason


STREAMED = ["Describe what you hear.", "When does a dog bark?", "Summarize the talk.", "How often does it bark?"]


@pytest.mark.parametrize("more", [{}, {"response_format": {"type": "json_object"}}], ids=["lines", "json"])
def test_the_deltas_of_a_stream_add_up_to_the_content(
    client: openai.OpenAI, recording: dict[str, Any], more: dict[str, Any]
) -> None:
    for words in STREAMED:
        messages = messages_with(words, recording)
        whole = complete(client, messages, **more)
        chunks = list(complete(client, messages, stream=True, stream_options={"include_usage": True}, **more))
        assert chunks[0].choices[0].delta.role == "assistant"
        *pieces, last, usage = chunks
        content = "".join(chunk.choices[0].delta.content or "" for chunk in pieces)
        if more:
            assert json.loads(content) == last.model_extra["result"]
        else:
            assert content == whole.choices[0].message.content
        assert [chunk.choices[0].finish_reason for chunk in (*pieces, last)] == [None] * len(pieces) + ["stop"]
        assert (usage.choices, usage.usage) == ([], whole.usage)
        assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
        assert len({chunk.id for chunk in chunks}) == 1
        events = ("events", "results", "segments", "intervals")
        streamed, found = (
            next(r[e] for e in events if e in r) for r in (last.model_extra["result"], whole.model_extra["result"])
        )
        assert streamed == found


def test_a_stream_sends_line_by_line(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    chunks = list(complete(client, messages_with("Summarize the talk.", recording), stream=True))
    content = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert content == ["0.0 - 2.0 s: Hello.", "\n2.0 - 4.0 s: Goodbye."]
    assert all(chunk.usage is None for chunk in chunks)


def test_a_recording_that_is_not_audio_has_an_http_error_even_in_a_stream(client: openai.OpenAI) -> None:
    data = base64.b64encode(b"no sound at all, but long enough").decode()
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}}
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            complete(client, messages_with(part), stream=stream)
        assert (caught.value.status_code, caught.value.code) == (400, "unsupported_audio")


def test_an_error_in_a_stream_is_raised_while_reading(scripted: Any, recording: dict[str, Any]) -> None:
    with openai.OpenAI(base_url=f"{scripted.url}/v1", api_key="none", max_retries=0) as client:
        stream = complete(client, messages_with("Find 'raise'", recording), stream=True)
        with pytest.raises(openai.APIError, match="request id") as caught:
            list(stream)
    assert caught.value.code == "internal"


def test_models(client: openai.OpenAI) -> None:
    [model] = client.models.list().data
    assert (model.id, model.object, model.owned_by) == ("scripted", "model", "timeaudio")
    assert model.model_extra == {"tasks": ["dense_caption", "ground", "summarize", "ask"]}
    assert client.models.retrieve("scripted") == model
    with pytest.raises(openai.NotFoundError, match="Ask for 'scripted'"):
        client.models.retrieve("gpt-4o")


def test_an_unknown_model_is_not_found(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4o-audio-preview", messages=messages_with(recording))
    assert caught.value.code == "model_not_found"


UNSUPPORTED: list[tuple[dict[str, Any], str]] = [
    ({"n": 2}, "n"),
    ({"extra_body": {"task": "sing"}}, "task"),
    ({"extra_body": {"num_beams": 9}}, "num_beams"),
    ({"extra_body": {"start": 2.0, "end": 1.0}}, "end"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format.type"),
]


def test_the_error_names_an_unsupported_parameter(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    problems = []
    for more, param in UNSUPPORTED:
        with pytest.raises(openai.BadRequestError) as caught:
            complete(client, messages_with("Describe it.", recording), **more)
        error = caught.value
        if (error.param, error.code, error.type) != (param, "invalid_field", "invalid_request_error"):
            problems.append((more, error))
        assert error.request_id
    assert problems == []


def test_messages_without_exactly_one_recording(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    wrong: list[tuple[list[Any], str]] = [
        (["Describe it."], "not 0"),
        ([recording, recording], "not 2"),
        ([{"type": "image_url", "image_url": {"url": "x"}}], "input_audio"),
        ([{"type": "input_audio", "input_audio": {"data": "?", "format": "wav"}}], "base64"),
    ]
    for parts, message in wrong:
        with pytest.raises(openai.BadRequestError, match=message):
            complete(client, messages_with(*parts))


def test_long_text_is_rejected(client: openai.OpenAI, recording: dict[str, Any]) -> None:
    assert complete(client, messages_with("Describe it. " + "x" * 487, recording)).choices
    with pytest.raises(openai.BadRequestError, match="at most 500 characters"):
        complete(client, messages_with("what is " * 100_000, recording))


def test_errors_of_the_framework_have_the_openai_format(four_tasks: Any) -> None:
    with four_tasks.client() as http:
        for response in (
            http.get("/v1/chat/completions"),
            http.post("/v1/models"),
            http.post("/v1/chat/completions", content=b"x", headers={"content-type": "text/plain"}),
            http.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"}),
            http.post("/v1/chat/nothing"),
        ):
            assert response.status_code in (400, 404, 405, 415)
            assert response.headers["content-type"] == "application/json"
            assert response.json()["error"].keys() == {"message", "type", "param", "code"}


def test_the_client_retries_while_the_server_starts(
    run_scripted: Any, recording: dict[str, Any], tmp_path: Path
) -> None:
    loaded = tmp_path / "loaded"
    with run_scripted(SCRIPTED_LOAD=str(loaded), ready=False) as server:
        with server.client() as http:
            _until_it_listens(http)
            refused = http.get("/v1/models")
        assert refused.status_code == 503
        assert refused.json()["error"]["type"] == "server_error"
        threading.Timer(1.0, loaded.touch).start()
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=100) as client:
            assert complete(client, messages_with(recording)).choices


def _until_it_listens(http: httpx.Client) -> None:
    import time

    for _ in range(1000):
        try:
            http.get("/livez")
            return
        except httpx.TransportError:
            time.sleep(0.05)


def test_a_client_that_disconnects_is_counted_and_no_error(recording: dict[str, Any]) -> None:
    with running(module="tests.scripted_engine") as server, server.client() as http:
        body = {"model": "scripted", "messages": messages_with("slowly, how often?", recording), "task": "ask"}
        with pytest.raises(httpx.ReadTimeout):
            http.post("/v1/chat/completions", json=body, timeout=httpx.Timeout(5.0, read=0.3))
        while server.metric("timeaudio_request_failure_total") < 1:
            time.sleep(0.05)
        assert "Traceback" not in server.text()
