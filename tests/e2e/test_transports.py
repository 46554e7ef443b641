"""The same recordings over every way in give the same answers: REST, gRPC, both Python clients, whole and streamed."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import openai
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from server.errors import PROBLEMS
from timeaudio import ApiError, AsyncClient, Client, ServerUnreachable
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


@pytest.fixture(scope="module")
def stub(four_tasks: Any) -> Iterator[Any]:
    with grpc.insecure_channel(four_tasks.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        yield TimeAudioServiceStub(channel)


def as_answer(task: str, message: Any) -> AnyAnswer:
    told = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return ROUTES[task][1].model_validate(told)


def grpc_words(words: dict[str, Any]) -> dict[str, Any]:
    return {{"query": "queries"}.get(name, name): value for name, value in words.items()}


def over_rest(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
    path, kind, words, _ = ROUTES[task]
    with server.client() as client:
        response = client.post(path, data=words | options, files={"file": (NAME, sound)})
    assert response.status_code == 200, response.text
    return kind.model_validate_json(response.content)


def over_grpc(server: Any, task: str, sound: bytes, options: dict[str, Any]) -> AnyAnswer:
    method, request, _ = METHODS[task]
    with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        call = getattr(TimeAudioServiceStub(channel), method)
        asked = request(file=sound, options=pb.Options(**options), **grpc_words(ROUTES[task][2]))
        return as_answer(task, call(asked, timeout=30))


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
@pytest.mark.parametrize("task", ROUTES)
def test_every_way_gives_the_same_answer_in_every_format(
    four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer], task: str, way: str
) -> None:
    first = answers[task]
    answer = WAYS[way](four_tasks, task, sound, PART)
    assert answer.id != first.id
    same = answer.model_copy(update={"id": first.id, "timing": first.timing})
    assert same == first
    for name in FORMATS:  # as text, too: what is not there in one answer may not be null in the other
        assert write(same, name, name=NAME) == write(first, name, name=NAME)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("scheme", ["http", "grpc"])
@pytest.mark.parametrize("task", ROUTES)
def test_every_route_in_every_format_over_both_transports(
    four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer], task: str, scheme: str, name: Any, tmp_path: Any
) -> None:
    file = tmp_path / NAME
    file.write_bytes(sound)
    with Client(four_tasks.url if scheme == "http" else f"grpc://{four_tasks.grpc}") as client:
        told = getattr(client, task)(file, *ROUTES[task][2].values(), response_format=name, **PART)
    first = answers[task]
    if name in ("json", "verbose_json"):
        kind = ROUTES[task][1]
        answer = told if name == "json" else kind.model_validate_json(told)
        told = write(answer.model_copy(update={"id": first.id, "timing": first.timing}), name)
    else:
        at = told.find("ta-")
        told = told if at < 0 else told.replace(told[at : at + 35], first.id)
    assert told == write(first, name, name=NAME)


def test_the_openai_client_hears_the_same(four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer]) -> None:
    audio = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound).decode(), "format": "wav"}}
    for task, (_, kind, words, field) in ROUTES.items():
        said = (words.get("query") or [words.get("question", "")])[0]
        with openai.OpenAI(base_url=f"{four_tasks.url}/v1", api_key="none", max_retries=0) as client:
            completion = client.chat.completions.create(
                model="scripted",
                messages=[{"role": "user", "content": [{"type": "text", "text": said}, audio]}],  # type: ignore[list-item]
                extra_body={"task": task} | PART,
            )
        told = getattr(kind.model_validate(completion.model_extra["result"]), field)
        expected = getattr(answers[task], field)
        assert told == (expected[:1] if task == "ground" else expected)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_command_line_hears_the_same(four_tasks: Any, sound: bytes, tmp_path: Any, scheme: str) -> None:
    file = tmp_path / NAME
    file.write_bytes(sound)
    words = {"dense_caption": ["caption"], "ground": ["ground"], "summarize": ["summarize"], "ask": ["ask"]}
    server = four_tasks.url if scheme == "http" else f"grpc://{four_tasks.grpc}"
    for task, (_, kind, more, field) in ROUTES.items():
        asked = [word for value in more.values() for word in (value if isinstance(value, list) else [value])]
        command = [sys.executable, "-m", "timeaudio", *words[task], str(file), *asked, "--json", "--server", server]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        expected = over_rest(four_tasks, task, sound, {})
        assert getattr(kind.model_validate_json(told), field) == getattr(expected, field)


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


@pytest.mark.parametrize("mistake", MISTAKES)
def test_both_transports_refuse_alike(four_tasks: Any, sound: bytes, mistake: str) -> None:
    task, fields, file = MISTAKES[mistake]
    words = {name: fields[name] for name in ("query", "question") if name in fields}
    options = {name: value for name, value in fields.items() if name not in words}
    caught = []
    for address in (four_tasks.url, f"grpc://{four_tasks.grpc}"):
        with Client(address, retry_for_s=0) as client, pytest.raises(ApiError) as error:
            getattr(client, task)(sound if file is None else file, *words.values(), **options)
        caught.append(error.value)
    http, rpc = caught
    assert (rpc.status, rpc.type, rpc.title) == (http.status, http.type, http.title)
    assert rpc.errors == http.errors
    assert rpc.instance.startswith("urn:timeaudio:request:")
    if not http.errors:  # fields have other names there
        assert rpc.detail == http.detail


def details(call: Any) -> dict[str, Any]:
    found = {}
    for packed in rpc_status.from_call(call).details:
        for kind in (BadRequest, ErrorInfo, RequestInfo, RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                packed.Unpack(found.setdefault(kind.__name__, kind()))
    return found


def test_a_status_carries_details(stub: Any, sound: bytes) -> None:
    asked = pb.GroundRequest(file=sound, queries=["a dog"], options=pb.Options(num_beams=99, max_new_tokens=99999))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Ground(asked, metadata=[("x-request-id", "mine")])
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    told = details(caught.value)
    assert (told["ErrorInfo"].reason, told["ErrorInfo"].domain) == ("INVALID_FIELD", "timeaudio")
    assert told["RequestInfo"].request_id == "mine"
    assert [v.field for v in told["BadRequest"].field_violations] == ["options.num_beams", "options.max_new_tokens"]
    assert dict(caught.value.trailing_metadata())["x-request-id"] == "mine"


def test_metadata_continues_a_trace(stub: Any, sound: bytes) -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    _, call = stub.DenseCaption.with_call(pb.DenseCaptionRequest(file=sound), metadata=[("traceparent", given)])
    told = dict(call.trailing_metadata())
    assert told["traceparent"].split("-")[1] == given.split("-")[1]
    assert len(told["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ([], "MALFORMED_REQUEST"),
        ([pb.AnalyzeRequest(chunk=b"x")], "MALFORMED_REQUEST"),
        ([pb.AnalyzeRequest(config=pb.AnalyzeConfig())], "INVALID_FIELD"),
        ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_DENSE_CAPTION))], "EMPTY_AUDIO"),
        ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_ASK))], "INVALID_FIELD"),
        ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_ASK, queries=["x"], question="y"))], "INVALID_FIELD"),
        ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_DENSE_CAPTION))] * 2, "MALFORMED_REQUEST"),
    ],
)
def test_a_stream_that_does_not_keep_to_the_contract(stub: Any, requests: list[Any], reason: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.Analyze(iter(requests)))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert details(caught.value)["ErrorInfo"].reason == reason


def test_a_file_that_is_too_large_for_one_message_is_told_where_to_go(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.DenseCaption(pb.DenseCaptionRequest(file=bytes(32 * 1024 * 1024 + 1)))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # RESOURCE_EXHAUSTED would be sent again
    assert "Analyze" in caught.value.details()


def test_health_and_reflection(four_tasks: Any) -> None:
    with grpc.insecure_channel(four_tasks.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        for name in ("", "timeaudio.v1.TimeAudioService"):
            told = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
            assert told.status == health_pb2.HealthCheckResponse.SERVING
        assert "timeaudio.v1.TimeAudioService" in ProtoReflectionDescriptorDatabase(channel).get_services()
        database = ProtoReflectionDescriptorDatabase(channel)
        methods = database.FindFileContainingSymbol("timeaudio.v1.TimeAudioService").service[0].method
        assert [method.name for method in methods] == ["DenseCaption", "Ground", "Summarize", "Ask", "Analyze"]


def test_buf_curl_needs_no_more_than_reflection(four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer]) -> None:
    import json
    import shutil
    from pathlib import Path

    buf = shutil.which("buf", path=str(Path(sys.executable).parent))
    if buf is None:
        pytest.skip("buf is not installed")
    url = f"http://{four_tasks.grpc}/timeaudio.v1.TimeAudioService/DenseCaption"
    body = json.dumps({"file": base64.b64encode(sound).decode(), "options": PART})
    command = [buf, "curl", "--http2-prior-knowledge", "--protocol", "grpc", url, "-d", "@-"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, input=body).stdout
    first = answers["dense_caption"]
    assert isinstance(first, DenseCaption)
    assert [event["caption"] for event in json.loads(told)["events"]] == [event.caption for event in first.events]


def test_a_call_ends_with_its_deadline_and_its_work_with_it(scripted: Any, sound: bytes) -> None:
    with grpc.insecure_channel(scripted.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            TimeAudioServiceStub(channel).Ground(pb.GroundRequest(file=sound, queries=["sleep 60"]), timeout=1.0)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    _until_idle(scripted)


def test_who_cancels_ends_the_work(scripted: Any, sound: bytes) -> None:
    with Client(f"grpc://{scripted.grpc}") as client:
        with client.stream_ground(sound, ["a dog", "sleep 60"]) as results:
            assert next(results).query == "a dog"
            assert scripted.metric("timeaudio_num_requests_running") == 1
        _until_idle(scripted)


def _until_idle(server: Any) -> None:
    import time

    for _ in range(100):
        if server.metric("timeaudio_num_requests_running") == server.metric("timeaudio_num_requests_waiting") == 0:
            return
        time.sleep(0.05)
    raise AssertionError("the work goes on")


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_an_error_midway_is_raised_where_it_happens(scripted: Any, sound: bytes, scheme: str) -> None:
    with Client(scripted.url if scheme == "http" else f"grpc://{scripted.grpc}") as client:
        results = client.stream_ground(sound, ["a dog", "raise"])
        assert next(results).query == "a dog"
        with pytest.raises(ApiError) as caught:
            next(results)
    assert caught.value.status == 500
    assert "secrets" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_starting_server_is_waited_for(run_scripted: Any, sound: bytes, scheme: str) -> None:
    from tests.e2e.conftest import free_port  # noqa: PLC0415

    with run_scripted("--grpc-port", str(free_port()), SCRIPTED_LOAD="slow", ready=False) as server:
        address = server.url if scheme == "http" else f"grpc://{server.grpc}"
        with Client(address, retry_for_s=60) as client:
            for _ in range(1000):
                try:
                    list(client.stream_dense_caption(sound))
                    break
                except ServerUnreachable:  # it does not listen yet
                    import time

                    time.sleep(0.05)
            assert client.is_ready()


def test_a_full_server_says_when_to_come_back(run_scripted: Any, sound: bytes) -> None:
    from tests.e2e.conftest import free_port

    limits = {"TIMEAUDIO_LIMITS__QUEUED_REQUESTS": "1"}
    with (
        run_scripted("--grpc-port", str(free_port()), **limits) as server,
        Client(f"grpc://{server.grpc}") as client,
        client.stream_ground(sound, ["a dog", "sleep 1"]) as results,
    ):
        next(results)
        for address in (server.url, f"grpc://{server.grpc}"):
            with Client(address, retry_for_s=0) as other, pytest.raises(ApiError) as caught:
                other.dense_caption(sound)
            assert (caught.value.status, caught.value.type) == (429, "urn:timeaudio:problem:overloaded")
            assert caught.value.retry_after_s >= 1.0
        with Client(f"grpc://{server.grpc}", retry_for_s=30) as other:
            assert other.dense_caption(sound).events  # it came back


def test_every_kind_of_error_has_a_code_that_clients_do_not_retry_in_vain() -> None:
    retried = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
    for row in PROBLEMS.values():
        assert (row.grpc in retried) == (row.http in (429, 503)), row


def test_drain_lets_calls_finish(run_scripted: Any, sound: bytes) -> None:
    import signal

    from tests.e2e.conftest import free_port

    with run_scripted("--grpc-port", str(free_port())) as server:
        with Client(f"grpc://{server.grpc}") as client, client.stream_ground(sound, ["a dog", "sleep 2"]) as results:
            next(results)
            server.process.send_signal(signal.SIGTERM)
            assert [result.query for result in results] == ["sleep 2"]
        assert server.wait_end() == 0


def test_a_taken_port_is_said_in_a_line(scripted: Any, run_scripted: Any) -> None:
    with run_scripted("--grpc-port", scripted.grpc.rpartition(":")[2], ready=False) as server:
        assert server.wait_end() == 1
        assert "gRPC cannot listen" in server.text()
        assert "Traceback" not in server.text()


def test_nobody_there_is_told_with_what_to_do(four_tasks: Any) -> None:
    from tests.e2e.conftest import free_port

    with Client(f"grpc://127.0.0.1:{free_port()}") as client:
        assert client.is_ready() is False
        with pytest.raises(ServerUnreachable, match="timeaudio serve --grpc-port"):
            client.dense_caption(b"x")
    with pytest.raises(ValueError, match="names no port"):
        Client("grpc://127.0.0.1")
