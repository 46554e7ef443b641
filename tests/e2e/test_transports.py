"""The same recordings get the same answers over REST, gRPC and both Python clients, whole and streamed."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import grpc
import openai
import pytest
from google.protobuf.json_format import MessageToDict

from timeaudio import ApiError, AsyncClient, Client
from timeaudio.formats import FORMATS, write
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, QuestionAnswer, Summary
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

NAME = "the street.flac"
ROUTES: dict[str, tuple[str, type[AnyAnswer], dict[str, Any], str]] = {
    "dense_caption": ("/v1/dense-caption", DenseCaption, {}, "events"),
    "ground": ("/v1/ground", Grounding, {"query": ["a dog", "nothing"]}, "results"),
    "summarize": ("/v1/summarize", Summary, {}, "segments"),
    "ask": ("/v1/ask", QuestionAnswer, {"question": "how often?"}, "intervals"),
}
METHODS = {
    "dense_caption": ("DenseCaption", pb.DenseCaptionRequest, pb.TASK_DENSE_CAPTION),
    "ground": ("Ground", pb.GroundRequest, pb.TASK_GROUND),
    "summarize": ("Summarize", pb.SummarizeRequest, pb.TASK_SUMMARIZE),
    "ask": ("Ask", pb.AskRequest, pb.TASK_ASK),
}
PART = {"start": 1.0, "end": 4.0}


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(5.0)


def as_answer(task: str, message: Any) -> AnyAnswer:
    fields = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return ROUTES[task][1].model_validate(fields)


def grpc_words(words: dict[str, Any]) -> dict[str, Any]:
    return {{"query": "queries"}.get(name, name): value for name, value in words.items()}


def over_rest(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
    path, kind, words, _ = ROUTES[task]
    with server.client() as client:
        response = client.post(path, data=words | options, files={"file": (NAME, sound)})
    assert response.status_code == 200, response.text
    return kind.model_validate_json(response.content)


def over_grpc(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
    method, kind, _ = METHODS[task]
    with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        call = getattr(TimeAudioServiceStub(channel), method)
        request = kind(file=sound, options=pb.Options(**options), **grpc_words(ROUTES[task][2]))
        return as_answer(task, call(request, timeout=30))


def over_client(scheme: str) -> Callable[..., AnyAnswer]:
    def ask(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
        with Client(server.url if scheme == "http" else f"grpc://{server.grpc}") as client:
            return getattr(client, task)(sound, *ROUTES[task][2].values(), **options)

    return ask


def over_async_client(scheme: str) -> Callable[..., AnyAnswer]:
    def ask(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
        async def run() -> Any:
            async with AsyncClient(server.url if scheme == "http" else f"grpc://{server.grpc}") as client:
                return await getattr(client, task)(sound, *ROUTES[task][2].values(), **options)

        return asyncio.run(run())

    return ask


def over_stream(scheme: str) -> Callable[..., AnyAnswer]:
    def ask(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
        with (
            Client(server.url if scheme == "http" else f"grpc://{server.grpc}") as client,
            getattr(client, f"stream_{task}")(sound, *ROUTES[task][2].values(), **options) as stream,
        ):
            pieces = list(stream)
            answer = stream.answer()
        assert tuple(pieces) == getattr(answer, ROUTES[task][3])
        assert stream.beginning.id == answer.id
        assert stream.beginning.audio == answer.audio
        return answer

    return ask


def over_async_stream(scheme: str) -> Callable[..., AnyAnswer]:
    def ask(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
        async def run() -> Any:
            async with AsyncClient(server.url if scheme == "http" else f"grpc://{server.grpc}") as client:
                stream = getattr(client, f"stream_{task}")(sound, *ROUTES[task][2].values(), **options)
                async with stream:
                    pieces = [piece async for piece in stream]
                    answer = await stream.answer()
                assert tuple(pieces) == getattr(answer, ROUTES[task][3])
                return answer

        return asyncio.run(run())

    return ask


WAYS: dict[str, Callable[..., AnyAnswer]] = {
    "REST": over_rest,
    "gRPC": over_grpc,
    "Client http": over_client("http"),
    "Client grpc": over_client("grpc"),
    "AsyncClient http": over_async_client("http"),
    "AsyncClient grpc": over_async_client("grpc"),
    "stream http": over_stream("http"),
    "stream grpc": over_stream("grpc"),
    "async stream http": over_async_stream("http"),
    "async stream grpc": over_async_stream("grpc"),
}


@pytest.fixture(scope="module")
def answers(four_tasks: Any, sound: bytes) -> dict[str, AnyAnswer]:
    return {task: over_rest(four_tasks, task, sound, PART) for task in ROUTES}


@pytest.mark.parametrize("way", WAYS)
def test_every_transport_gives_the_same_answer_in_every_format(
    four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer], way: str
) -> None:
    for task in ROUTES:
        first = answers[task]
        answer = WAYS[way](four_tasks, task, sound, PART)
        assert answer.id != first.id
        same = answer.model_copy(update={"id": first.id, "timing": first.timing})
        assert same == first
        for name in FORMATS:  # compare the text too: a value missing in one answer must not be null in the other
            assert write(same, name, name=NAME) == write(first, name, name=NAME)
        first, answer = (ask(four_tasks, task, sound, PART | {"embeddings": True}) for ask in (over_rest, WAYS[way]))
        assert "embedding" in first.model_dump_json()
        assert answer.model_copy(update={"id": first.id, "timing": first.timing}) == first


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_every_route_in_every_format_over_both_transports(
    four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer], scheme: str, tmp_path: Any
) -> None:
    file = tmp_path / NAME
    file.write_bytes(sound)
    different = []
    with Client(four_tasks.url if scheme == "http" else f"grpc://{four_tasks.grpc}") as client:
        for task, (_, kind, words, _) in ROUTES.items():
            first = answers[task]
            for name in FORMATS:
                output = getattr(client, task)(file, *words.values(), response_format=name, **PART)
                if name in ("json", "verbose_json"):
                    answer = output if name == "json" else kind.model_validate_json(output)
                    output = write(answer.model_copy(update={"id": first.id, "timing": first.timing}), name)
                else:
                    at = output.find("ta-")
                    output = output if at < 0 else output.replace(output[at : at + 35], first.id)
                if output != write(first, name, name=NAME):
                    different.append((task, name, output))
    assert different == []


def test_the_openai_client_gets_the_same_result(four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer]) -> None:
    audio = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound).decode(), "format": "wav"}}
    for task, (_, kind, words, field) in ROUTES.items():
        text = (words.get("query") or [words.get("question", "")])[0]
        with openai.OpenAI(base_url=f"{four_tasks.url}/v1", api_key="none", max_retries=0) as client:
            completion = client.chat.completions.create(
                model="scripted",
                messages=[{"role": "user", "content": [{"type": "text", "text": text}, audio]}],  # type: ignore[list-item]
                extra_body={"task": task} | PART,
            )
        found = getattr(kind.model_validate(completion.model_extra["result"]), field)
        expected = getattr(answers[task], field)
        assert found == (expected[:1] if task == "ground" else expected)


def test_the_command_line_gets_the_same_result(four_tasks: Any, sound: bytes, tmp_path: Any) -> None:
    file = tmp_path / NAME
    file.write_bytes(sound)
    words = {"dense_caption": ["caption"], "ground": ["ground"], "summarize": ["summarize"], "ask": ["ask"]}
    for task, (_, kind, more, field) in ROUTES.items():
        queries = [word for value in more.values() for word in (value if isinstance(value, list) else [value])]
        expected = over_rest(four_tasks, task, sound, {})
        for server in (four_tasks.url, f"grpc://{four_tasks.grpc}"):
            asked = [*words[task], str(file), *queries, "--json", "--server", server]
            command = [sys.executable, "-m", "timeaudio", *asked]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            assert getattr(kind.model_validate_json(output), field) == getattr(expected, field)


MISTAKES: dict[str, tuple[str, dict[str, Any], bytes | None]] = {
    "a field out of bounds": ("dense_caption", {"num_beams": 99}, None),
    "fields that contradict": ("dense_caption", {"start": 3.0, "end": 1.0, "num_beams": 99}, None),
    "no audio": ("dense_caption", {}, b"no sound at all, but long enough"),
    "no bytes": ("dense_caption", {}, b""),
    "an empty query": ("ground", {"query": ["  "]}, None),
    "no query": ("ground", {"query": []}, None),
    "a long question": ("ask", {"question": "why " * 200}, None),
    "a late start": ("dense_caption", {"start": 99.0}, None),
}


def test_both_transports_give_the_same_errors(four_tasks: Any, sound: bytes) -> None:
    different = []
    for mistake, (task, fields, file) in MISTAKES.items():
        words = {name: fields[name] for name in ("query", "question") if name in fields}
        options = {name: value for name, value in fields.items() if name not in words}
        caught = []
        for address in (four_tasks.url, f"grpc://{four_tasks.grpc}"):
            with Client(address, retry_for_s=0) as client, pytest.raises(ApiError) as error:
                getattr(client, task)(sound if file is None else file, *words.values(), **options)
            caught.append(error.value)
        http, rpc = caught
        # Field errors use other names over gRPC.
        one, other = ((e.status, e.type, e.title, e.errors, None if http.errors else e.detail) for e in caught)
        if one != other or not rpc.instance.startswith("urn:timeaudio:request:"):
            different.append((mistake, one, other, rpc.instance))
    assert different == []


HOSTILE = "a\u2028b\u2029c\x85d\r\ne: f\n\ndata: g \U0001f415"


def test_text_with_line_separators_is_kept(four_tasks: Any, sound: bytes) -> None:
    for address in (four_tasks.url, f"grpc://{four_tasks.grpc}"):
        with Client(address) as client:
            results = list(client.stream_ground(sound, [HOSTILE, "nothing"]))
            assert client.stream_ask(sound, HOSTILE).answer().answer == HOSTILE.upper()
        assert [result.query for result in results] == [HOSTILE, "nothing"]
