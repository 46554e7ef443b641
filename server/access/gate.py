"""The gate that every transport asks before it reads a request: is the key known, is its owner within the limits?

For the event loop alone. REST asks through `server.access.middleware`, gRPC through `server.access.interceptor`, and
another transport would do

    with gate.enter(authorization):  # the value of its header or metadata "authorization", None without one
        ...                          # the whole request, streams to their end

and tells what is raised as the table in `server.errors` says.
"""

import base64
import binascii
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from server.access.keys import Caller, KeyFile
from server.errors import RateLimited, RetryableError, Unauthorized

_MINUTE_S = 60.0
_HOW = "Send it in the header Authorization: Bearer KEY; TimeAudio's own clients and commands read TIMEAUDIO_API_KEY."


@dataclass(slots=True)
class _Use:
    """What one caller has taken: requests inside now, and of its minute's worth what is left."""

    inside: int = 0
    left: float = math.inf  # capped by the limit at the first use
    counted_at: float = field(default_factory=time.monotonic)


class Gate:
    """Lets requests in by their key, and holds each caller to its limits."""

    def __init__(self, keys: Path, registry: CollectorRegistry) -> None:
        self._keys = KeyFile(keys)
        self._uses: defaultdict[str, _Use] = defaultdict(_Use)
        self._count = Counter(
            "timeaudio_key_requests",
            "Requests by the owner of their API key, and whether they were let in.",
            ("caller", "outcome"),
            registry=registry,
        )

    @contextmanager
    def enter(self, authorization: str | None) -> Iterator[str]:
        """A place inside for the key in the header's value, for as long as the context lasts; gives the caller's name.

        Raises:
            Unauthorized: there is no key, or it is unknown.
            RateLimited: its owner has sent too many requests in a minute, or has too many inside.
        """
        found = self._keys.find(_key_in(authorization))
        if found is None:
            self._count.labels("unknown", "unauthorized").inc()
            raise Unauthorized("This API key is not known here. Check it, or ask who runs the server for one.")
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

    def _take(self, name: str, caller: Caller, use: _Use) -> None:
        if caller.concurrent is not None and use.inside >= caller.concurrent:
            raise RateLimited(
                f"{use.inside} requests of {name} are being answered, which is its limit. Send this one after them.",
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
                f"{name} may send {caller.requests_per_minute:g} requests a minute. "
                f"Send this one again in {math.ceil(wait_s)} s.",
                retry_after_s=wait_s,
            )
        use.left -= 1


def _key_in(authorization: str | None) -> str:
    """The key in `Bearer KEY`, or in the password of `Basic`, which is what a browser sends whom it asked for one.

    Raises:
        Unauthorized: there is none.
    """
    scheme, _, value = (authorization or "").strip().partition(" ")
    key = ""
    if scheme.lower() == "bearer":
        key = value.strip()
    elif scheme.lower() == "basic":
        try:
            key = base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if not key:
        raise Unauthorized(f"This server wants an API key. {_HOW}")
    return key
