"""Admission control: bounds the requests and the audio in the server, in samples. Use on the event loop only."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.errors import Overloaded
from server.settings import Limits
from server.workers.protocol import SAMPLE_RATE

_FIRST_GUESS = (2.0, 10.0)  # model seconds and seconds of audio, before the first measurement
_MEMORY = 0.9  # decay of past measurements


class Ticket:
    """One request's place inside the server."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self.num_samples = 0
        self.has_started = False

    def add_audio(self, num_samples: int) -> None:
        """Reserve room for this much decoded audio.

        Raises:
            Overloaded: it does not fit beside the audio of other requests.
        """
        self._admission.hold(num_samples)
        self.num_samples += num_samples

    def release_audio(self) -> None:
        """Give the room back when an analysis has ended; another one for the same request may follow."""
        self._admission.release(self.num_samples, has_started=self.has_started)
        self.num_samples = 0

    def starts(self) -> None:
        """Record that the model has started this request; its audio no longer counts as waiting."""
        if not self.has_started:
            self.has_started = True
            self._admission.begin(self.num_samples)


class Admission:
    """Counts the requests and audio in the server, and estimates the wait for those that it rejects.

    Args:
        limits: bounds on both.
        num_workers: returns the number of workers that currently share the work.
    """

    def __init__(self, limits: Limits, *, num_workers: Callable[[], int] = lambda: 1) -> None:
        self._limits = limits
        self._num_workers = num_workers
        self._requests = 0
        self._num_samples = 0
        self._num_started = 0
        self._num_begun = 0
        self._model_s, self._audio_s = _FIRST_GUESS

    @property
    def requests(self) -> int:
        """Requests in the server: uploading, decoding, waiting, running."""
        return self._requests

    @property
    def num_waiting(self) -> int:
        """Requests in the server that the model has not started."""
        return self._requests - self._num_started

    @property
    def audio_s(self) -> float:
        """Seconds of decoded audio in the server."""
        return self._num_samples / SAMPLE_RATE

    @property
    def wait_s(self) -> float:
        """Estimated time for the model to process all audio in the server, in whole seconds, at least 1."""
        return float(max(1, math.ceil(self._work_s(self._num_samples))))

    @property
    def turn_s(self) -> float:
        """Estimated time for the model to process the audio that it has not started, in seconds."""
        return self._work_s(self._num_samples - self._num_begun)

    def _work_s(self, num_samples: int) -> float:
        return num_samples / SAMPLE_RATE * self._model_s / self._audio_s / max(1, self._num_workers())

    @contextmanager
    def enter(self, *, beside: int = 0) -> Iterator[Ticket]:
        """Admit a request for the duration of the context. A single one always fits, however many places it needs.

        Args:
            beside: places that the same request holds already.

        Raises:
            Overloaded: the server holds the maximum number of requests.
        """
        if self._requests >= max(self._limits.queued_requests, beside + 1):
            raise Overloaded(
                f"The server holds as many requests as it may, {self._requests} (limit: "
                f"TIMEAUDIO_LIMITS__QUEUED_REQUESTS). Send this one again in about {self.wait_s:.0f} s.",
                retry_after_s=self.wait_s,
            )
        ticket = Ticket(self)
        self._requests += 1
        try:
            yield ticket
        finally:
            ticket.release_audio()
            self._requests -= 1
            self._num_started -= ticket.has_started

    def hold(self, num_samples: int) -> None:
        """Count more audio. A single recording always fits, however long; see `Ticket.add_audio`."""
        limit = self._limits.queued_audio_seconds * SAMPLE_RATE
        if self._num_samples > 0 and self._num_samples + num_samples > limit:
            raise Overloaded(
                f"{self.audio_s:.0f} s of audio are already queued (limit: TIMEAUDIO_LIMITS__QUEUED_AUDIO_SECONDS). "
                f"Send this recording again in about {self.wait_s:.0f} s.",
                retry_after_s=self.wait_s,
            )
        self._num_samples += num_samples

    def release(self, num_samples: int, *, has_started: bool) -> None:
        """Stop counting audio; see `Ticket.release_audio`."""
        self._num_samples -= num_samples
        self._num_begun -= num_samples * has_started

    def measured(self, *, model_s: float, audio_s: float) -> None:
        """Update the estimate of model time per second of audio with a finished request."""
        self._model_s = _MEMORY * self._model_s + model_s
        self._audio_s = _MEMORY * self._audio_s + audio_s

    def begin(self, num_samples: int) -> None:
        """Count a request of this many samples as started."""
        self._num_started += 1
        self._num_begun += num_samples
