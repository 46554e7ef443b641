"""W3C trace context: continues the caller's trace, so that the logs of several services can be correlated.

Source: https://www.w3.org/TR/trace-context/, sections 3.2 (the header) and 3.4 (how a service processes it).
"""

import re
import secrets
from dataclasses import dataclass
from typing import Self

_HEADER = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
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
        found = _HEADER.fullmatch(header or "")
        span_id = _random(8)
        if found is None or not _is_valid(found):
            return cls(_random(16), span_id, "00")  # the sampling decision is not ours
        return cls(found["trace"], span_id, f"{int(found['flags'], 16) & _KNOWN_FLAGS:02x}")

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def _is_valid(found: re.Match[str]) -> bool:
    if found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return False
    return int(found["trace"], 16) != 0 and int(found["parent"], 16) != 0


def _random(num_bytes: int) -> str:
    """Return random hexadecimal, never all zeros: the specification reserves that as invalid."""
    while True:
        text = secrets.token_hex(num_bytes)
        if text.strip("0"):
            return text
