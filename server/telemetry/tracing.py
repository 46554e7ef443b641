"""OpenTelemetry traces: where the time of a request is spent, in the front end and in its worker.

All instrumentation calls the OpenTelemetry API, which does nothing until `start` finds an exporter endpoint. Spans hold
measurements and counts; audio, answers and queries never become attributes.
"""

import importlib.util
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from server.telemetry.traceparent import TraceParent

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer("timeaudio")

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_FLUSH_TIMEOUT_S = 3.0  # to send the remaining spans at shutdown; less than the time that a worker gets to exit

Value = str | int | float | bool


def start(process: str) -> None:
    """Start exporting this process's spans, if the environment names an OTLP endpoint.

    Args:
        process: "front end" or "worker": the attribute `timeaudio.process` of all its spans.
    """
    if not _is_wanted():
        return
    if (
        importlib.util.find_spec("opentelemetry.sdk") is None
        or importlib.util.find_spec("opentelemetry.exporter") is None
    ):
        _log.warning(
            "Tracing is disabled: an OTLP endpoint is set, but its libraries are not installed. "
            "Run pip install -e '.[telemetry]' in a clone of TimeAudio."
        )
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource: dict[str, str | int] = {"timeaudio.process": process, "process.pid": os.getpid()}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        resource[SERVICE_NAME] = "timeaudio"
    provider = TracerProvider(resource=Resource.create({**resource}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _is_wanted() -> bool:
    environment = {name: value.strip().lower() for name, value in os.environ.items() if name.startswith("OTEL_")}
    if environment.get("OTEL_SDK_DISABLED") == "true" or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    wanted = any(environment.get(name) for name in _ENDPOINTS)
    if wanted and protocol not in (None, "http/protobuf"):
        _log.warning("Tracing is disabled: the OTLP protocol is %s, but only http/protobuf is supported.", protocol)
        return False
    return wanted


def is_on() -> bool:
    """Return whether spans are exported."""
    return hasattr(trace.get_tracer_provider(), "shutdown")


def end() -> None:
    """Send the remaining spans, for a few seconds at most: a missing collector must not delay shutdown."""
    if is_on():
        last = threading.Thread(target=_shut_down, name="last spans", daemon=True)
        last.start()
        last.join(_FLUSH_TIMEOUT_S)


def _shut_down() -> None:
    trace.get_tracer_provider().shutdown()  # type: ignore[attr-defined]  # the SDK's, see is_on


@contextmanager
def step(name: str, kind: SpanKind = SpanKind.INTERNAL, **values: Value) -> Iterator[Span]:
    """Open a span for one step of the current request.

    It does not become the current span, because generators are closed in other contexts. Only the class of an error is
    recorded, as messages may repeat what the caller wrote.
    """
    span = _tracer.start_span(name, kind=kind, attributes=attributes(values))
    try:
        yield span
    except BaseException as error:
        fail(span, error)
        raise
    finally:
        span.end()


def fail(span: Span, error: BaseException) -> None:
    """Mark a span as failed with this error."""
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(StatusCode.ERROR)


def attributes(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the attributes with the prefix `timeaudio.`."""
    return {f"timeaudio.{name}": value for name, value in values.items()}


def carried(span: Span) -> tuple[tuple[str, str], ...]:
    """Return the metadata that makes the callee's spans children of this one; empty while nothing is exported."""
    headers: dict[str, str] = {}
    if _is_ours(span):
        propagate.inject(headers, trace.set_span_in_context(span))
    return tuple(headers.items())


def _is_ours(span: Span) -> bool:
    """Return whether this process created the span, recorded or not; without an exporter it is the caller's or none."""
    context = span.get_span_context()
    return context.is_valid and not context.is_remote


@contextmanager
def call(method: str, metadata: Mapping[str, Any], **values: Value) -> Iterator[Span]:
    """Open the request span of a gRPC call, in the caller's trace."""
    service, _, name = method.rpartition("/")
    convention: dict[str, Value] = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
    span = _tracer.start_span(
        method, propagate.extract(dict(metadata)), SpanKind.SERVER, convention | attributes(values)
    )
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        yield span


def place(span: Span, header: str | None) -> TraceParent:
    """Return our position in the caller's trace: that of our span if there is one, otherwise derived from `header`."""
    if not _is_ours(span):
        return TraceParent.continued(header)
    context = span.get_span_context()
    return TraceParent(f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{context.trace_flags:02x}")


def note_request(span: Span, query: bytes, **values: Value) -> None:
    """Set attributes of the current HTTP request. Values of the query string are redacted: they may be a question."""
    if span.is_recording():
        span.set_attributes(attributes(values))
        if query:
            names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
            span.set_attribute("url.query", urlencode([(name, "REDACTED") for name in names]))


class WallClock:
    """Converts the monotonic clock, in seconds, to the Unix time in nanoseconds that spans use, by a fixed offset."""

    def __init__(self) -> None:
        self._since_ns = time.time_ns() - time.monotonic_ns()

    def ns(self, moment_s: float) -> int:
        """Return the Unix time in nanoseconds."""
        return self._since_ns + round(moment_s * 1e9)
