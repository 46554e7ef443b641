"""The gate that every transport passes before it reads a request: checks the API key and its owner's limits.

Not thread-safe: use it on the event loop only. REST calls it in `server.auth.middleware`, gRPC in
`server.auth.interceptor`. Another transport would do

    with gate.enter(authorization):  # the value of its header or metadata "authorization"; None if absent
        ...                          # the whole request, including streams to their end

and map the errors by the table in `server.errors`.
"""

import base64
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from server.auth.keys import Caller, KeyFile
from server.errors import RateLimited, RetryableError, Unauthorized

_MINUTE_S = 60.0
_HOW = "Send it in the header Authorization: Bearer KEY; TimeAudio's own clients and commands read TIMEAUDIO_API_KEY."


@dataclass(slots=True)
class CallerUsage:
    """What one caller uses: its requests in progress, and what is left of its requests per minute."""

    inside: int = 0
    left: float = math.inf  # capped by the limit at the first use
    counted_at: float = field(default_factory=time.monotonic)


class RateLimiter:
    """Admits requests by their API key and enforces each caller's limits."""

    def __init__(self, keys: Path, registry: CollectorRegistry) -> None:
        self._keys = KeyFile(keys)
        self._uses: defaultdict[str, CallerUsage] = defaultdict(CallerUsage)
        self._count = Counter(
            "timeaudio_key_requests",
            "Requests by the owner of their API key and by outcome.",
            ("caller", "outcome"),
            registry=registry,
        )

    @contextmanager
    def enter(self, authorization: str | None) -> Iterator[str]:
        """Admit a request by its authorization header for the duration of the context; yield the caller's name.

        Raises:
            Unauthorized: there is no key, or it is unknown.
            RateLimited: its owner has sent too many requests in a minute, or has too many in progress.
        """
        found = self._keys.find(_key_in(authorization))
        if found is None:
            self._count.labels("unknown", "unauthorized").inc()
            raise Unauthorized("Unknown API key. Check it, or ask the operator of this server for one.")
        name, caller = found
        use = self._uses[name]
        try:
            self._take(name, caller, use)
        except RetryableError:
            self._count.labels(name, "limited").inc()
            raise
        self._count.labels(name, "admitted").inc()
        use.inside += 1
        try:
            yield name
        finally:
            use.inside -= 1

    def _take(self, name: str, caller: Caller, use: CallerUsage) -> None:
        if caller.concurrent is not None and use.inside >= caller.concurrent:
            raise RateLimited(
                f"{name} has {use.inside} requests in progress, its limit. Send this one again when one ends.",
                retry_after_s=1,
            )
        if caller.requests_per_minute is None:
            return
        now = time.monotonic()
        most = max(1.0, caller.requests_per_minute)
        per_s = caller.requests_per_minute / _MINUTE_S
        use.left = min(most, use.left + (now - use.counted_at) * per_s)
        use.counted_at = now
        if use.left < 1:
            wait_s = (1 - use.left) / per_s
            raise RateLimited(
                f"{name} may send {caller.requests_per_minute:g} requests per minute. "
                f"Send this one again in {math.ceil(wait_s)} s.",
                retry_after_s=wait_s,
            )
        use.left -= 1


def _key_in(authorization: str | None) -> str:
    """Return the key in `Bearer KEY`, or the password in `Basic`, which browsers send after prompting for one.

    Raises:
        Unauthorized: the header holds no key.
    """
    scheme, _, value = (authorization or "").strip().partition(" ")
    key = ""
    if scheme.lower() == "bearer":
        key = value.strip()
    elif scheme.lower() == "basic":
        try:
            key = base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except ValueError:  # not base64, not ASCII, or not UTF-8 inside
            key = ""
    if not key:
        raise Unauthorized(f"This server requires an API key. {_HOW}")
    return key
