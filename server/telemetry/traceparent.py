"""W3C trace context: continues the caller's trace, so that the logs of several services can be correlated.

Source: https://www.w3.org/TR/trace-context/, section 3.4 (how a service processes the header).
"""

import secrets
from dataclasses import dataclass
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_KNOWN_FLAGS = 0x03  # sampled, and random trace id


@dataclass(frozen=True, slots=True)
class TraceParent:
    """The server's own span in a trace. All fields are lower-case hexadecimal."""

    trace_id: str
    span_id: str
    flags: str

    @classmethod
    def continued(cls, header: str | None) -> Self:
        """Return a child of the span in `header`, or the root of a new trace if it is missing or invalid."""
        context = _PROPAGATOR.extract({"traceparent": header or ""}, Context())
        parent = trace.get_current_span(context).get_span_context()
        span_id = secrets.token_hex(8)
        if not parent.is_valid:
            return cls(secrets.token_hex(16), span_id, "00")  # the sampling decision is not ours
        return cls(trace.format_trace_id(parent.trace_id), span_id, f"{parent.trace_flags & _KNOWN_FLAGS:02x}")

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"
