"""Requests that bring workers down. Callers repeat what failed with 503, so they are known by what they hold."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from server.engine.protocol import Request
from server.errors import RequestQuarantined

MOST = 256
QUARANTINE_S = 3600.0


@dataclass(slots=True)
class _Record:
    deaths: int = 0
    alone: int = 0
    until: float = 0.0


class Suspects:
    """Which requests were in a worker when it died, how often, and how often alone.

    Twice alone is proof: the request is refused for an hour. Twice among others is not, so that it runs alone next
    time: an innocent one is cleared by its answer, and a guilty one takes nobody along.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[bytes, _Record] = OrderedDict()

    def check(self, request: Request) -> bool:
        """Whether it has to run alone.

        Raises:
            RequestQuarantined: it must not run at all.
        """
        record = self._records.get(_fingerprint(request)) if self._records else None
        if record is None:
            return False
        if record.until > time.monotonic():
            raise _quarantined()
        return record.deaths >= 2

    def accuse(self, request: Request, *, was_alone: bool) -> None:
        """It was in a worker that died.

        Raises:
            RequestQuarantined: now it is certain.
        """
        key = _fingerprint(request)
        record = self._records.setdefault(key, _Record())
        self._records.move_to_end(key)
        if len(self._records) > MOST:
            self._records.popitem(last=False)
        record.deaths += 1
        record.alone += was_alone
        if record.alone >= 2 or (was_alone and record.deaths > 2):
            record.until = time.monotonic() + QUARANTINE_S
            raise _quarantined()

    def clear(self, request: Request) -> None:
        """It was answered."""
        if self._records:
            self._records.pop(_fingerprint(request), None)


def _quarantined() -> RequestQuarantined:
    return RequestQuarantined(
        "The model's process died each time that it worked on this request, so it is not tried again for an hour. "
        "Send another part of the recording (start, end) or other words, and report this one."
    )


def _fingerprint(request: Request) -> bytes:
    """Everything that the model sees of it. A few milliseconds per minute of audio, while somebody is suspected."""
    options = request.options
    told = (request.task, request.queries, options.num_beams, options.max_new_tokens, options.temperature, options.seed)
    return hashlib.blake2b(request.samples.read() + repr(told).encode(), digest_size=16).digest()
