"""Requests that crash workers. They are recognised by their content, because callers retry after a 503."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from server.errors import RequestQuarantined
from server.workers.protocol import EngineRequest

MOST = 256
QUARANTINE_S = 3600.0


@dataclass(slots=True)
class CrashRecord:
    """How often a request was in a worker that crashed, and how often alone."""

    deaths: int = 0
    alone: int = 0
    until: float = 0.0


class Quarantine:
    """Records which requests were in a worker when it died, how often, and how often alone.

    A request that was alone in the worker in two crashes is refused for an hour: one crash may have another cause. A
    request that was in two crashes runs alone from then on, so that its crashes affect no other request. An answer
    clears it.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[bytes, CrashRecord] = OrderedDict()

    def check(self, request: EngineRequest) -> bool:
        """Return whether the request must run alone.

        Raises:
            RequestQuarantined: it must not run at all.
        """
        record = self._records.get(_fingerprint(request)) if self._records else None
        if record is None:
            return False
        if record.until > time.monotonic():
            raise _quarantined()
        return record.deaths >= 2

    def accuse(self, request: EngineRequest, *, was_alone: bool) -> None:
        """Record that the request was in a worker that died.

        Raises:
            RequestQuarantined: the request is now known to crash workers.
        """
        key = _fingerprint(request)
        record = self._records.setdefault(key, CrashRecord())
        self._records.move_to_end(key)
        if len(self._records) > MOST:
            self._records.popitem(last=False)
        record.deaths += 1
        record.alone += was_alone
        if record.alone >= 2:
            record.until = time.monotonic() + QUARANTINE_S
            raise _quarantined()

    def clear(self, request: EngineRequest) -> None:
        """Forget a request that was answered."""
        if self._records:
            self._records.pop(_fingerprint(request), None)


def _quarantined() -> RequestQuarantined:
    return RequestQuarantined(
        "The model's process crashed each time it worked on this request, so the request is refused for an hour. "
        "Send another part of the recording (start, end) or another query, and report this request."
    )


def _fingerprint(request: EngineRequest) -> bytes:
    """Hash everything that the model sees. Takes a few milliseconds per minute of audio; runs only after a crash."""
    return hashlib.blake2b(request.samples.read() + repr(request.params).encode(), digest_size=16).digest()
