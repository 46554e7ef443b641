"""The log line of a gRPC call, with the same facts as that of an HTTP request."""

import logging
import time
from contextvars import ContextVar

from grpc import StatusCode

from server.telemetry.logs import about
from server.telemetry.traceparent import TraceParent

CALLER: ContextVar[str | None] = ContextVar("caller", default=None)
"""The owner of the API key of the current call; None if the server requires no keys, or the key is unknown."""

_log = logging.getLogger("server.auth")


def log_call(method: str, code: StatusCode, begun: float, request_id: str, trace: TraceParent) -> None:
    """Log the call of a method that began at `begun` (monotonic clock) and has ended."""
    took_s, caller = time.monotonic() - begun, CALLER.get()
    facts = {"request_id": request_id, "trace_id": trace.trace_id, "method": method, "status": code.name}
    fields = about(**facts, took_s=round(took_s, 3), **({} if caller is None else {"caller": caller}))
    _log.info("gRPC %s %s %.3fs id=%s trace=%s", method, code.name, took_s, request_id, trace.trace_id, extra=fields)
