"""W3C trace context: a request's place in its caller's trace, so that logs of several services can be put together.

Source: https://www.w3.org/TR/trace-context/, sections 3.2 (the header) and 3.4 (what a service does with it).
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
    """Our own step of a trace. All in lower-case hexadecimal."""

    trace_id: str
    span_id: str
    flags: str

    @classmethod
    def continued(cls, header: str | None) -> Self:
        """The step after the one that `header` names; the first of a new trace where it is missing or invalid."""
        found = _HEADER.fullmatch(header or "")
        span_id = _random(8)
        if found is None or not _is_valid(found):
            return cls(_random(16), span_id, "00")  # whether to record it is not ours to say
        return cls(found["trace"], span_id, f"{int(found['flags'], 16) & _KNOWN_FLAGS:02x}")

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def _is_valid(found: re.Match[str]) -> bool:
    if found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return False
    return int(found["trace"], 16) != 0 and int(found["parent"], 16) != 0


def _random(num_bytes: int) -> str:
    """Never all zeros, which stands for nothing."""
    while True:
        text = secrets.token_hex(num_bytes)
        if text.strip("0"):
            return text
