"""Decides when to replace a worker: it does not respond, or it has work but takes no step. Pure.

Time is counted in completed heartbeats, not by a clock: a front end that was itself suspended for a minute must not
consider its workers dead.
"""

import math
from dataclasses import dataclass

_DOUBT = 2


@dataclass(slots=True)
class Watchdog:
    """Evaluates the heartbeats of one worker.

    Units: seconds.

    Attributes:
        heartbeat_s: time between two heartbeats, and the timeout of each.
        silent_s: time without a response after which the worker is replaced.
        stuck_s: time with work but without a step after which the worker is replaced.
    """

    heartbeat_s: float
    silent_s: float
    stuck_s: float
    _num_missed: int = 0
    _num_still: int = 0
    _num_steps: int = -1

    @property
    def is_doubtful(self) -> bool:
        """Whether the worker should get no new work until it responds or progresses again."""
        return self._num_missed >= _DOUBT or self._num_still >= max(1, math.ceil(self.stuck_s / 2 / self.heartbeat_s))

    def missed(self) -> None:
        """Record a heartbeat without a response."""
        self._num_missed += 1

    def report(self, *, num_steps: int, is_busy: bool) -> None:
        """Record a response: the steps done so far, and whether the worker has work."""
        self._num_missed = 0
        self._num_still = self._num_still + 1 if is_busy and num_steps == self._num_steps else 0
        self._num_steps = num_steps

    @property
    def verdict(self) -> str | None:
        """Why the worker must be replaced; None if it need not be."""
        if self._num_missed >= max(_DOUBT, math.ceil(self.silent_s / self.heartbeat_s)):
            return f"did not respond for {self.silent_s:g} s (limit: TIMEAUDIO_WORKER__SILENT_S)"
        if self._num_still >= max(1, math.ceil(self.stuck_s / self.heartbeat_s)):
            return f"had work and took no step for {self.stuck_s:g} s (limit: TIMEAUDIO_WORKER__STUCK_S)"
        return None
