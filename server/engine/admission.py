"""Who may enter: a bound on requests and on audio inside the server, counted in samples. For the event loop alone."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from server.engine.protocol import SAMPLE_RATE
from server.errors import Overloaded
from server.settings import Limits

_FIRST_RATE = 0.2  # model seconds per second of audio, until there is a measurement
_MEMORY = 0.8  # weight of the past in the measured rate


class Ticket:
    """One request's place inside the server."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self.num_samples = 0

    def add_audio(self, num_samples: int) -> None:
        """Hold so much decoded audio.

        Raises:
            Overloaded: others hold so much already that it does not fit.
        """
        self._admission.hold(num_samples)
        self.num_samples += num_samples


class Admission:
    """Counts what is inside, and tells whom it turns away how long that will take."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests = 0
        self._num_samples = 0
        self._rate = _FIRST_RATE

    @property
    def requests(self) -> int:
        """Requests inside: uploading, decoding, waiting, running."""
        return self._requests

    @property
    def audio_s(self) -> float:
        """Seconds of decoded audio inside."""
        return self._num_samples / SAMPLE_RATE

    @property
    def wait_s(self) -> float:
        """About how long the model needs for all that is inside, in whole seconds, at least 1."""
        return float(max(1, math.ceil(self.audio_s * self._rate)))

    @contextmanager
    def enter(self) -> Iterator[Ticket]:
        """A place for as long as the context lasts.

        Raises:
            Overloaded: all places are taken.
        """
        if self._requests >= self._limits.queued_requests:
            raise Overloaded(
                f"{self._requests} requests are waiting already (limit: TIMEAUDIO_LIMITS__QUEUED_REQUESTS). "
                f"Send this one again in about {self.wait_s:.0f} s.",
                retry_after_s=self.wait_s,
            )
        ticket = Ticket(self)
        self._requests += 1
        try:
            yield ticket
        finally:
            self._requests -= 1
            self._num_samples -= ticket.num_samples

    def hold(self, num_samples: int) -> None:
        """Count more audio. One recording always fits, however long; see `Ticket.add_audio`."""
        limit = self._limits.queued_audio_seconds * SAMPLE_RATE
        if self._num_samples > 0 and self._num_samples + num_samples > limit:
            raise Overloaded(
                f"{self.audio_s:.0f} s of audio are waiting already (limit: TIMEAUDIO_LIMITS__QUEUED_AUDIO_SECONDS). "
                f"Send this recording again in about {self.wait_s:.0f} s.",
                retry_after_s=self.wait_s,
            )
        self._num_samples += num_samples

    def measured(self, *, model_s: float, audio_s: float) -> None:
        """Learn from a finished request how many seconds the model takes per second of audio."""
        if audio_s > 0:
            self._rate = _MEMORY * self._rate + (1 - _MEMORY) * model_s / audio_s
