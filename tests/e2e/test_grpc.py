"""The gRPC service: statuses, streams, health, reflection and shutdown."""

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from server.errors import PROBLEMS
from tests.e2e.conftest import free_port, running
from timeaudio import ApiError, Client, ServerUnreachable
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(5.0)


@pytest.fixture(scope="module")
def stub(four_tasks: Any) -> Iterator[Any]:
    with grpc.insecure_channel(four_tasks.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        yield TimeAudioServiceStub(channel)


def details(call: Any) -> dict[str, Any]:
    found = {}
    for packed in rpc_status.from_call(call).details:
        for kind in (BadRequest, ErrorInfo, RequestInfo, RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                packed.Unpack(found.setdefault(kind.__name__, kind()))
    return found


def test_a_status_carries_details(stub: Any, sound: bytes) -> None:
    request = pb.GroundRequest(file=sound, queries=["a dog"], options=pb.Options(num_beams=99, max_new_tokens=99999))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Ground(request, metadata=[("x-request-id", "mine")])
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    found = details(caught.value)
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("INVALID_FIELD", "timeaudio")
    assert found["RequestInfo"].request_id == "mine"
    assert [v.field for v in found["BadRequest"].field_violations] == ["options.num_beams", "options.max_new_tokens"]
    assert dict(caught.value.trailing_metadata())["x-request-id"] == "mine"


def test_min_confidence_needs_a_calibrated_model(stub: Any, sound: bytes) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.DenseCaption(pb.DenseCaptionRequest(file=sound, options=pb.Options(min_confidence=0.5)))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    [violation] = details(caught.value)["BadRequest"].field_violations
    assert violation.field == "options.min_confidence"
    assert "not calibrated for dense_caption" in violation.description
    assert stub.DenseCaption(pb.DenseCaptionRequest(file=sound, options=pb.Options(min_confidence=0.0))).events


def test_metadata_continues_a_trace(stub: Any, sound: bytes) -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    _, call = stub.DenseCaption.with_call(pb.DenseCaptionRequest(file=sound), metadata=[("traceparent", given)])
    metadata = dict(call.trailing_metadata())
    assert metadata["traceparent"].split("-")[1] == given.split("-")[1]
    assert len(metadata["x-request-id"]) == 32


VIOLATIONS: list[tuple[list[Any], str]] = [
    ([], "MALFORMED_REQUEST"),
    ([pb.AnalyzeRequest(chunk=b"x")], "MALFORMED_REQUEST"),
    ([pb.AnalyzeRequest(config=pb.AnalyzeConfig())], "INVALID_FIELD"),
    ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_DENSE_CAPTION))], "EMPTY_AUDIO"),
    ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_ASK))], "INVALID_FIELD"),
    ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_ASK, queries=["x"], question="y"))], "INVALID_FIELD"),
    ([pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_DENSE_CAPTION))] * 2, "MALFORMED_REQUEST"),
]


def test_a_stream_that_violates_the_protocol(stub: Any) -> None:
    problems = []
    for requests, reason in VIOLATIONS:
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.Analyze(iter(requests)))
        found = (caught.value.code(), details(caught.value)["ErrorInfo"].reason)
        if found != (grpc.StatusCode.INVALID_ARGUMENT, reason):
            problems.append((requests, found))
    assert problems == []


def test_the_error_for_a_file_too_large_for_one_message_names_analyze(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.DenseCaption(pb.DenseCaptionRequest(file=bytes(32 * 1024 * 1024 + 1)))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # clients would retry RESOURCE_EXHAUSTED
    assert "Analyze" in caught.value.details()


def test_health_and_reflection(four_tasks: Any) -> None:
    with grpc.insecure_channel(four_tasks.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        for name in ("", "timeaudio.v1.TimeAudioService"):
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
            assert health.status == health_pb2.HealthCheckResponse.SERVING
        assert "timeaudio.v1.TimeAudioService" in ProtoReflectionDescriptorDatabase(channel).get_services()
        database = ProtoReflectionDescriptorDatabase(channel)
        methods = database.FindFileContainingSymbol("timeaudio.v1.TimeAudioService").service[0].method
        assert [method.name for method in methods] == ["DenseCaption", "Ground", "Summarize", "Ask", "Analyze"]


def test_buf_curl_works_with_reflection_only(four_tasks: Any, sound: bytes) -> None:
    buf = str(Path(sys.executable).with_name("buf"))
    url = f"http://{four_tasks.grpc}/timeaudio.v1.TimeAudioService/DenseCaption"
    body = json.dumps({"file": base64.b64encode(sound).decode(), "options": {"start": 1.0}})
    command = [buf, "curl", "--http2-prior-knowledge", "--protocol", "grpc", url, "-d", "@-"]
    output = subprocess.run(command, check=True, capture_output=True, text=True, input=body).stdout
    with Client(four_tasks.url) as client:
        expected = client.dense_caption(sound, start=1.0).events
    assert [
        (event["caption"], [(i["start"], i["end"]) for i in event["intervals"]])
        for event in json.loads(output)["events"]
    ] == [(event.caption, [(i.start, i.end) for i in event.intervals]) for event in expected]


def test_the_deadline_of_a_call_stops_its_work(scripted: Any, sound: bytes) -> None:
    with grpc.insecure_channel(scripted.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            TimeAudioServiceStub(channel).Ground(pb.GroundRequest(file=sound, queries=["sleep 60"]), timeout=1.0)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    _until_idle(scripted)


def test_cancelling_a_call_stops_its_work(scripted: Any, sound: bytes) -> None:
    with Client(f"grpc://{scripted.grpc}") as client:
        with client.stream_ground(sound, ["a dog", "sleep 60"]) as results:
            assert next(results).query == "a dog"
            assert scripted.metric("timeaudio_num_requests_running") == 1
        _until_idle(scripted)


def _until_idle(server: Any) -> None:
    for _ in range(100):
        if server.metric("timeaudio_num_requests_running") == server.metric("timeaudio_num_requests_waiting") == 0:
            return
        time.sleep(0.05)
    raise AssertionError("the server is still working")


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_an_error_in_a_stream_is_raised_where_it_occurs(scripted: Any, sound: bytes, scheme: str) -> None:
    with Client(scripted.url if scheme == "http" else f"grpc://{scripted.grpc}") as client:
        results = client.stream_ground(sound, ["a dog", "raise"])
        assert next(results).query == "a dog"
        with pytest.raises(ApiError) as caught:
            next(results)
    assert caught.value.status == 500
    assert "secrets" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_client_waits_for_a_starting_server(run_scripted: Any, sound: bytes, scheme: str) -> None:
    with run_scripted("--grpc-port", str(free_port()), SCRIPTED_LOAD="slow", ready=False) as server:
        address = server.url if scheme == "http" else f"grpc://{server.grpc}"
        with Client(address, retry_for_s=60) as client:
            for _ in range(1000):
                try:
                    list(client.stream_dense_caption(sound))
                    break
                except ServerUnreachable:  # the server does not listen yet
                    time.sleep(0.05)
            assert client.is_ready()


def test_a_full_server_says_when_to_retry(run_scripted: Any, sound: bytes) -> None:
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
            assert other.dense_caption(sound).events  # after a retry


def test_only_temporary_errors_have_codes_that_clients_retry() -> None:
    retried = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
    for row in PROBLEMS.values():
        assert (row.grpc in retried) == (row.http in (429, 503)), row


def test_drain_lets_calls_finish(run_scripted: Any, sound: bytes) -> None:
    with run_scripted("--grpc-port", str(free_port())) as server:
        with Client(f"grpc://{server.grpc}") as client, client.stream_ground(sound, ["a dog", "sleep 2"]) as results:
            next(results)
            server.process.send_signal(signal.SIGTERM)
            assert [result.query for result in results] == ["sleep 2"]
        assert server.wait_end() == 0


def test_clients_that_watch_hear_of_the_shutdown_and_do_not_delay_it(run_scripted: Any) -> None:
    statuses = health_pb2.HealthCheckResponse
    with (
        run_scripted("--grpc-port", str(free_port()), TIMEAUDIO_DRAIN_S="20") as server,
        grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch
        stays, leaves, unknown = (watch(health_pb2.HealthCheckRequest(service=name)) for name in ("", "", "nothing"))
        assert [next(calls).status for calls in (stays, leaves)] == [statuses.SERVING] * 2
        assert next(unknown).status == statuses.SERVICE_UNKNOWN
        leaves.cancel()
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert [answer.status for answer in stays] == [statuses.NOT_SERVING]
        assert list(unknown) == []
        assert server.wait_end() == 0
        assert time.monotonic() - begun < 10


def test_a_caller_that_leaves_the_whole_answer_unread_is_idle(sound: bytes) -> None:
    limits = {"TIMEAUDIO_LIMITS__LIVE_IDLE_S": "0.5", "TIMEAUDIO_LIMITS__QUERY_CHARS": "10000000"}
    question = "x" * 6_000_000  # comes back in the last message only, and exceeds what the transport holds
    config = pb.AnalyzeConfig(task=pb.TASK_ASK, question=question)
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]
    with (
        running("--grpc-port", str(free_port()), module="tests.scripted_engine", **limits) as server,
        grpc.insecure_channel(server.grpc, options) as channel,
    ):
        call = TimeAudioServiceStub(channel).Analyze(
            iter([pb.AnalyzeRequest(config=config), pb.AnalyzeRequest(chunk=sound)])
        )
        assert next(call).HasField("start")
        give_up = time.monotonic() + 20
        while not server.metric("timeaudio_request_failure_total"):
            assert time.monotonic() < give_up, "the server waits for ever"
            time.sleep(0.1)
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert details(caught.value)["ErrorInfo"].reason == "STREAM_IDLE"


def test_a_port_in_use_gives_one_line_without_a_traceback(scripted: Any, run_scripted: Any) -> None:
    with run_scripted("--grpc-port", scripted.grpc.rpartition(":")[2], ready=False) as server:
        assert server.wait_end() == 1
        assert "gRPC cannot listen" in server.text()
        assert "Traceback" not in server.text()


def test_the_error_for_an_unreachable_server_says_what_to_do(four_tasks: Any) -> None:
    with Client(f"grpc://127.0.0.1:{free_port()}") as client:
        assert client.is_ready() is False
        with pytest.raises(ServerUnreachable, match="timeaudio serve --grpc-port"):
            client.dense_caption(b"x")
    with pytest.raises(ValueError, match="has no port"):
        Client("grpc://127.0.0.1")
