"""Traces of a real server and its worker, as an OTLP collector receives them."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from tests.conftest import sine, wav_bytes
from tests.e2e.conftest import free_port, running
from tests.otlp_receiver import Collector, Span, collecting
from timeaudio.v1.timeaudio_pb2 import GroundRequest
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

SECRET = "zeppelin"  # a query, which must not appear in any span
OF_WORKER = ["queue", "encode", "prefill", "decode", "parse"]
EVERYTHING = {"queue", "encode", "prefill", "decode", "parse", "receive", "decode_audio", "worker"}
SLACK_S = 0.002  # times are floats of seconds here, and each process reads the clock itself
SERVER, CLIENT = 2, 3


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(collector: Collector) -> Iterator[Any]:
    """A server with the embedded checkpoint that exports its traces to the collector."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with running("--grpc-port", str(free_port()), **variables) as server:
        yield server


@pytest.fixture(scope="module")
def request_spans(server: Any, collector: Collector) -> list[Span]:
    """The spans of one request with two queries, in its caller's trace."""
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with server.client(timeout=120.0) as client:
        client.get("/livez")
        headers = {"traceparent": f"00-{trace}-{parent}-01", "X-Request-ID": "traced", "content-type": "audio/wav"}
        queries = {"query": [SECRET, "a dog"]}
        answer = client.post("/v1/ground", params=queries, content=wav_bytes(sine(2.0)), headers=headers)
    assert answer.status_code == 200, answer.text
    spans = collector.of_trace(trace, names=EVERYTHING | {"POST /v1/ground"})
    request = one(spans, "POST /v1/ground")
    assert request.parent == parent
    assert answer.headers["traceparent"] == f"00-{trace}-{request.id}-01"
    return spans


def one(spans: list[Span], name: str, *, parent: Span | None = None) -> Span:
    [found] = [span for span in spans if span.name == name and (parent is None or span.parent == parent.id)]
    return found


def test_every_step_has_a_span_with_the_right_parent(request_spans: list[Span]) -> None:
    request = one(request_spans, "POST /v1/ground")
    worker = one(request_spans, "worker")
    assert (request.kind, worker.kind) == (SERVER, CLIENT)
    children = [span.name for span in request_spans if span.parent == request.id]
    assert children == ["receive", "decode_audio", "queue", "worker"]
    inside = [span for span in request_spans if span.parent == worker.id]
    assert [span.name for span in inside if span.attributes.get("timeaudio.query", 0) == 0] == OF_WORKER
    assert [span.name for span in inside].count("decode") == 2  # one per query, although the recording is encoded once
    assert len(request_spans) == 1 + len(children) + len(inside)


def test_each_process_exports_its_own_spans(request_spans: list[Span]) -> None:
    worker = one(request_spans, "worker")
    for span in request_spans:
        inside = span.parent == worker.id
        assert span.resource["timeaudio.process"] == ("worker" if inside else "front end")
        assert span.resource["service.name"] == "timeaudio"
        assert (span.resource["process.pid"] == worker.attributes["timeaudio.worker_pid"]) == inside


def test_durations_add_up(request_spans: list[Span]) -> None:
    request, worker = one(request_spans, "POST /v1/ground"), one(request_spans, "worker")
    for span in request_spans:
        around = {request.id: request, worker.id: worker}.get(span.parent, span)
        assert around.begin_s - SLACK_S <= span.begin_s <= span.end_s <= around.end_s + SLACK_S
    front = [span for span in request_spans if span.parent == request.id]
    assert all(one.end_s <= next_.begin_s + SLACK_S for one, next_ in zip(front, front[1:], strict=False))
    # Not in any step: admission, parsing the form, files and the JSON of the answer, on a core that may be busy.
    assert sum(span.seconds for span in front) >= 0.5 * request.seconds
    steps = [
        span for span in request_spans if span.parent == worker.id and span.attributes.get("timeaudio.query", 0) == 0
    ]
    assert all(one.end_s <= next_.begin_s + SLACK_S for one, next_ in zip(steps, steps[1:], strict=False))
    assert sum(span.seconds for span in steps) >= 0.5 * worker.seconds
    for name in ("encode", "prefill", "decode"):
        assert one(steps, name).seconds > 0


def test_attributes_have_counts_but_no_queries(request_spans: list[Span], collector: Collector) -> None:
    request = one(request_spans, "POST /v1/ground")
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == "/v1/ground"
    assert request.attributes["timeaudio.request_id"] == "traced"
    assert request.attributes["url.query"] == "query=REDACTED&query=REDACTED"
    assert one(request_spans, "decode_audio").attributes["timeaudio.audio_s"] == 2.0
    for decode in (span for span in request_spans if span.name == "decode"):
        assert decode.attributes["timeaudio.completion_tokens"] > 0
    assert not any(SECRET.encode() in body for body in collector.bodies)
    assert not [span.name for span in collector.spans if span.attributes.get("url.path") == "/livez"]


def test_a_grpc_call_is_in_its_callers_trace(server: Any, collector: Collector) -> None:
    trace, parent = "5bf92f3577b34da6a3ce929d0e0e4736", "01f067aa0ba902b7"
    with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        request_message = GroundRequest(file=wav_bytes(sine(1.0)), queries=[SECRET])
        _, call = TimeAudioServiceStub(channel).Ground.with_call(
            request_message, metadata=(("traceparent", f"00-{trace}-{parent}-01"),)
        )
    name = "timeaudio.v1.TimeAudioService/Ground"
    # Without `receive`: a unary call has already arrived when it begins.
    spans = collector.of_trace(trace, names=EVERYTHING - {"receive"} | {name})
    request = one(spans, name)
    assert request.parent == parent
    assert (request.attributes["rpc.method"], request.attributes["rpc.grpc.status_code"]) == ("Ground", 0)
    assert dict(call.trailing_metadata())["traceparent"] == f"00-{trace}-{request.id}-01"
    worker = one(spans, "worker", parent=request)
    assert {span.name for span in spans if span.parent == worker.id} == set(OF_WORKER)


def test_a_failed_step_has_the_class_of_its_error(server: Any, collector: Collector) -> None:
    trace = "6bf92f3577b34da6a3ce929d0e0e4736"
    with server.client() as client:
        headers = {"traceparent": f"00-{trace}-01f067aa0ba902b7-01", "content-type": "audio/wav"}
        assert client.post("/v1/dense-caption", content=b"no sound", headers=headers).status_code == 415
    spans = collector.of_trace(trace, names={"receive", "decode_audio", "POST /v1/dense-caption"})
    failed = one(spans, "decode_audio")
    assert failed.is_error
    assert failed.attributes["error.type"] == "UnsupportedAudio"
    assert not one(spans, "POST /v1/dense-caption").is_error  # the caller caused the error


def test_an_unsampled_trace_is_not_exported(server: Any, collector: Collector) -> None:
    trace = "7bf92f3577b34da6a3ce929d0e0e4736"
    with server.client() as client:
        headers = {"traceparent": f"00-{trace}-01f067aa0ba902b7-00", "content-type": "audio/wav"}
        answer = client.post("/v1/dense-caption", content=wav_bytes(sine(0.5)), headers=headers)
    assert answer.headers["traceparent"].startswith(f"00-{trace}-")
    assert answer.headers["traceparent"].endswith("-00")
    assert not [span for span in collector.spans if span.trace == trace]


def test_remaining_spans_are_exported_at_shutdown(collector: Collector) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    variables["TIMEAUDIO_WORKER__PIPELINE"] = "scripted_pipeline"
    trace = "8bf92f3577b34da6a3ce929d0e0e4736"
    with running(**variables) as server:
        with server.client() as client:
            headers = {"traceparent": f"00-{trace}-01f067aa0ba902b7-01", "content-type": "audio/wav"}
            client.post("/v1/dense-caption", content=wav_bytes(sine(0.5)), headers=headers).raise_for_status()
        assert not [span for span in collector.spans if span.trace == trace]
        server.process.terminate()
        assert server.wait_end() == 0
    assert {"POST /v1/dense-caption", "worker"} <= {span.name for span in collector.spans if span.trace == trace}
    assert "worker" in {span.resource["timeaudio.process"] for span in collector.spans if span.trace == trace}


def test_an_unreachable_collector_does_not_block_the_server() -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    variables["TIMEAUDIO_WORKER__PIPELINE"] = "scripted_pipeline"
    with running(**variables) as server:
        with server.client() as client:
            answer = client.post(
                "/v1/dense-caption", content=wav_bytes(sine(0.5)), headers={"content-type": "audio/wav"}
            )
        assert answer.status_code == 200
        server.process.terminate()
        assert server.wait_end(20) == 0
