"""Traces of a real server and its real worker, as a real collector gets them."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from tests.conftest import sine, wav_bytes
from tests.e2e.conftest import free_port, running
from tests.otlp_receiver import Collector, Span, collecting
from timeaudio.v1.timeaudio_pb2 import GroundRequest
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

SECRET = "zeppelin"  # what is asked for: must be in no span
OF_WORKER = ["queue", "encode", "prefill", "decode", "parse"]
EVERYTHING = {"queue", "encode", "prefill", "decode", "parse", "receive", "decode_audio", "worker"}
SLACK_S = 0.002  # dates are floats of seconds here, and each process looks at the clock by itself
SERVER, CLIENT = 2, 3


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(collector: Collector) -> Iterator[Any]:
    """The embedded checkpoint, in a worker of its own, with a collector to tell."""
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with running("--grpc-port", str(free_port()), **told) as server:
        yield server


@pytest.fixture(scope="module")
def heard(server: Any, collector: Collector) -> list[Span]:
    """The spans of one request with two queries, in a trace of its caller."""
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with server.client(timeout=120.0) as client:
        client.get("/livez")
        headers = {"traceparent": f"00-{trace}-{parent}-01", "X-Request-ID": "traced", "content-type": "audio/wav"}
        asked = {"query": [SECRET, "a dog"]}
        answer = client.post("/v1/ground", params=asked, content=wav_bytes(sine(2.0)), headers=headers)
    assert answer.status_code == 200, answer.text
    spans = collector.of_trace(trace, names=EVERYTHING | {"POST /v1/ground"})
    request = one(spans, "POST /v1/ground")
    assert request.parent == parent
    assert answer.headers["traceparent"] == f"00-{trace}-{request.id}-01"
    return spans


def one(spans: list[Span], name: str, *, parent: Span | None = None) -> Span:
    [found] = [span for span in spans if span.name == name and (parent is None or span.parent == parent.id)]
    return found


def test_every_step_has_its_place(heard: list[Span]) -> None:
    request = one(heard, "POST /v1/ground")
    worker = one(heard, "worker")
    assert (request.kind, worker.kind) == (SERVER, CLIENT)
    children = [span.name for span in heard if span.parent == request.id]
    assert children == ["receive", "decode_audio", "queue", "worker"]
    inside = [span for span in heard if span.parent == worker.id]
    assert [span.name for span in inside if span.attributes.get("timeaudio.query", 0) == 0] == OF_WORKER
    assert [span.name for span in inside].count("decode") == 2  # one for each query; the recording is encoded once
    assert len(heard) == 1 + len(children) + len(inside)


def test_processes_tell_their_own_steps(heard: list[Span]) -> None:
    worker = one(heard, "worker")
    for span in heard:
        inside = span.parent == worker.id
        assert span.resource["timeaudio.process"] == ("worker" if inside else "front end")
        assert span.resource["service.name"] == "timeaudio"
        assert (span.resource["process.pid"] == worker.attributes["timeaudio.worker_pid"]) == inside


def test_durations_add_up(heard: list[Span]) -> None:
    request, worker = one(heard, "POST /v1/ground"), one(heard, "worker")
    for span in heard:
        around = {request.id: request, worker.id: worker}.get(span.parent, span)
        assert around.begin_s - SLACK_S <= span.begin_s <= span.end_s <= around.end_s + SLACK_S
    front = [span for span in heard if span.parent == request.id]
    assert all(one.end_s <= next_.begin_s + SLACK_S for one, next_ in zip(front, front[1:], strict=False))
    # All but what is between them: admission, forms, files and the answer's JSON, on a core that may be busy.
    assert sum(span.seconds for span in front) >= 0.5 * request.seconds
    steps = [span for span in heard if span.parent == worker.id and span.attributes.get("timeaudio.query", 0) == 0]
    assert all(one.end_s <= next_.begin_s + SLACK_S for one, next_ in zip(steps, steps[1:], strict=False))
    assert sum(span.seconds for span in steps) >= 0.5 * worker.seconds
    for name in ("encode", "prefill", "decode"):
        assert one(steps, name).seconds > 0


def test_what_was_counted_is_told_and_what_was_said_is_not(heard: list[Span], collector: Collector) -> None:
    request = one(heard, "POST /v1/ground")
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == "/v1/ground"
    assert request.attributes["timeaudio.request_id"] == "traced"
    assert request.attributes["url.query"] == "query=REDACTED&query=REDACTED"
    assert one(heard, "decode_audio").attributes["timeaudio.audio_s"] == 2.0
    for decode in (span for span in heard if span.name == "decode"):
        assert decode.attributes["timeaudio.completion_tokens"] > 0
    assert not any(SECRET.encode() in body for body in collector.bodies)
    assert not [span.name for span in collector.spans if span.attributes.get("url.path") == "/livez"]


def test_a_call_over_grpc_is_in_its_callers_trace(server: Any, collector: Collector) -> None:
    trace, parent = "5bf92f3577b34da6a3ce929d0e0e4736", "01f067aa0ba902b7"
    with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        asked = GroundRequest(file=wav_bytes(sine(1.0)), queries=[SECRET])
        _, call = TimeAudioServiceStub(channel).Ground.with_call(
            asked, metadata=(("traceparent", f"00-{trace}-{parent}-01"),)
        )
    name = "timeaudio.v1.TimeAudioService/Ground"
    spans = collector.of_trace(
        trace, names=EVERYTHING - {"receive"} | {name}
    )  # a unary call has arrived when it begins
    request = one(spans, name)
    assert request.parent == parent
    assert (request.attributes["rpc.method"], request.attributes["rpc.grpc.status_code"]) == ("Ground", 0)
    assert dict(call.trailing_metadata())["traceparent"] == f"00-{trace}-{request.id}-01"
    worker = one(spans, "worker", parent=request)
    assert {span.name for span in spans if span.parent == worker.id} == set(OF_WORKER)


def test_what_fails_is_told_by_its_class(server: Any, collector: Collector) -> None:
    trace = "6bf92f3577b34da6a3ce929d0e0e4736"
    with server.client() as client:
        headers = {"traceparent": f"00-{trace}-01f067aa0ba902b7-01", "content-type": "audio/wav"}
        assert client.post("/v1/dense-caption", content=b"no sound", headers=headers).status_code == 415
    spans = collector.of_trace(trace, names={"receive", "decode_audio", "POST /v1/dense-caption"})
    failed = one(spans, "decode_audio")
    assert failed.is_error
    assert failed.attributes["error.type"] == "UnsupportedAudio"
    assert not one(spans, "POST /v1/dense-caption").is_error  # the caller's mistake


def test_a_caller_that_does_not_want_its_trace_kept_is_heard(server: Any, collector: Collector) -> None:
    trace = "7bf92f3577b34da6a3ce929d0e0e4736"
    with server.client() as client:
        headers = {"traceparent": f"00-{trace}-01f067aa0ba902b7-00", "content-type": "audio/wav"}
        answer = client.post("/v1/dense-caption", content=wav_bytes(sine(0.5)), headers=headers)
    assert answer.headers["traceparent"].startswith(f"00-{trace}-")
    assert answer.headers["traceparent"].endswith("-00")
    assert not [span for span in collector.spans if span.trace == trace]


def test_the_last_spans_are_sent_before_the_end(collector: Collector) -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    told["TIMEAUDIO_WORKER__PIPELINE"] = "scripted_pipeline"
    trace = "8bf92f3577b34da6a3ce929d0e0e4736"
    with running(**told) as server:
        with server.client() as client:
            headers = {"traceparent": f"00-{trace}-01f067aa0ba902b7-01", "content-type": "audio/wav"}
            client.post("/v1/dense-caption", content=wav_bytes(sine(0.5)), headers=headers).raise_for_status()
        assert not [span for span in collector.spans if span.trace == trace]
        server.process.terminate()
        assert server.wait_end() == 0
    assert {"POST /v1/dense-caption", "worker"} <= {span.name for span in collector.spans if span.trace == trace}
    assert "worker" in {span.resource["timeaudio.process"] for span in collector.spans if span.trace == trace}


def test_a_collector_that_is_gone_holds_nobody_up() -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    told["TIMEAUDIO_WORKER__PIPELINE"] = "scripted_pipeline"
    with running(**told) as server:
        with server.client() as client:
            answer = client.post(
                "/v1/dense-caption", content=wav_bytes(sine(0.5)), headers={"content-type": "audio/wav"}
            )
        assert answer.status_code == 200
        server.process.terminate()
        assert server.wait_end(20) == 0
