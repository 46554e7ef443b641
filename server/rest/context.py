"""ASGI middleware for every request: id, trace context, body limit, metrics and access log. Streams pass untouched."""

import logging
import time
from urllib.parse import unquote

from opentelemetry.trace import get_current_span
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import UploadTooLarge
from server.telemetry.logs import about
from server.telemetry.metrics import Metrics
from server.telemetry.request_id import request_id
from server.telemetry.tracing import note_request, place

_log = logging.getLogger("server.auth")


class RequestContext:
    """Accepts or creates X-Request-ID and traceparent and returns them, limits bodies, counts and logs responses."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, metrics: Metrics) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        _shorten(scope)
        headers = Headers(scope=scope)
        scope["request_id"] = request_id(headers.get("x-request-id"))
        parents = headers.getlist("traceparent")
        span = get_current_span()  # FastAPI's, around all middleware
        trace = place(span, parents[0] if len(parents) == 1 else None)
        note_request(span, scope.get("query_string", b""), request_id=scope["request_id"])

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                answered["X-Request-ID"] = scope["request_id"]
                answered["traceparent"] = str(trace)
                route, status = _route(scope), message["status"]
                self._metrics.http.labels(route, str(status)).inc()
                # Probes and scrapes come every few seconds: keep them out of the log.
                level = logging.INFO if route.startswith("/v1/") else logging.DEBUG
                took_s = time.monotonic() - begun
                _log.log(
                    level,
                    "%s %s %d %.3fs id=%s trace=%s",
                    *(scope["method"], route, status, took_s, scope["request_id"], trace.trace_id),
                    extra=about(
                        request_id=scope["request_id"],
                        trace_id=trace.trace_id,
                        method=scope["method"],
                        route=route,
                        status=status,
                        took_s=round(took_s, 3),
                        **({"caller": scope["caller"]} if "caller" in scope else {}),
                    ),
                )
            await send(message)

        await self._app(scope, _bounded(receive, self._max_bytes, _length(headers)), tagged)


def _shorten(scope: Scope) -> None:
    """Reduce the target of a request to its path: proxies may send the whole URL (RFC 9112, section 3.2.2)."""
    raw: bytes = scope.get("raw_path") or b""
    if raw[:8].lower().startswith((b"http://", b"https://")):
        path = b"/" + raw.partition(b"://")[2].partition(b"/")[2]
        scope["raw_path"], scope["path"] = path, unquote(path.decode("latin-1"))


def _bounded(receive: Receive, limit: int, declared: int | None) -> Receive:
    """Wrap `receive` to raise UploadTooLarge: at the start if the length is declared, otherwise at the limit."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        if declared is not None and declared > limit:
            raise UploadTooLarge(limit=limit, length=declared)
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise UploadTooLarge(limit=limit)
        return message

    return bounded


def _length(headers: Headers) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isdecimal() else None


def _route(scope: Scope) -> str:
    """Return the route's template: the raw path would create one time series per path."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
