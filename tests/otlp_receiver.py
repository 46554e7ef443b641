"""A trace collector for tests: it receives OTLP over HTTP on a real port and keeps the spans."""

import contextlib
import gzip
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """A received span, with hexadecimal ids and Unix times in seconds."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    begin_s: float
    end_s: float
    is_error: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]

    @property
    def seconds(self) -> float:
        return self.end_s - self.begin_s


@dataclass
class Collector:
    """Everything that was received."""

    url: str
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def of_trace(self, trace: str, *, names: set[str], timeout_s: float = 60.0) -> list[Span]:
        """Wait until the trace has a span of each name, and return its spans."""
        give_up = time.monotonic() + timeout_s
        while True:
            found = [span for span in list(self.spans) if span.trace == trace]
            if names <= {span.name for span in found}:
                return sorted(found, key=lambda span: span.begin_s)
            assert time.monotonic() < give_up, [span.name for span in found]
            time.sleep(0.05)


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port inside the context."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces", self.path
            collector.bodies.append(body)
            collector.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            response = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collector
        finally:
            server.shutdown()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for group in request.resource_spans:
        resource = _plain(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    kind=span.kind,
                    begin_s=span.start_time_unix_nano / 1e9,
                    end_s=span.end_time_unix_nano / 1e9,
                    is_error=span.status.code == 2,
                    attributes=_plain(span.attributes),
                    resource=resource,
                )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
