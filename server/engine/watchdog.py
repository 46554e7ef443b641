"""When a worker is given up: it does not answer, or it has work and takes no step. Pure.

Time is counted in heartbeats that were really awaited, not by a clock: a front end that was itself stopped for a minute
must not take its workers for dead.
"""

import math
from dataclasses import dataclass

_DOUBT = 2


@dataclass(slots=True)
class Watchdog:
    """What the heartbeats of one worker say.

    Units: seconds.

    Attributes:
        heartbeat_s: between two questions, and the longest wait for an answer.
        silent_s: silence after which it is given up.
        stuck_s: time without a step, but with work, after which it is given up.
    """

    heartbeat_s: float
    silent_s: float
    stuck_s: float
    _num_missed: int = 0
    _num_still: int = 0
    _num_steps: int = -1

    @property
    def is_doubtful(self) -> bool:
        """Whether it should get no more work until it answers or goes on again: half of the way to its end."""
        return self._num_missed >= _DOUBT or self._num_still >= max(1, math.ceil(self.stuck_s / 2 / self.heartbeat_s))

    def missed(self) -> None:
        """It did not answer."""
        self._num_missed += 1

    def heard(self, *, num_steps: int, is_busy: bool) -> None:
        """It answered: so many steps are done, and it has work or has not."""
        self._num_missed = 0
        self._num_still = self._num_still + 1 if is_busy and num_steps == self._num_steps else 0
        self._num_steps = num_steps

    @property
    def verdict(self) -> str | None:
        """Why it must be replaced; None while it need not be."""
        if self._num_missed >= max(_DOUBT, math.ceil(self.silent_s / self.heartbeat_s)):
            return f"did not answer for {self.silent_s:g} s (limit: TIMEAUDIO_WORKER__SILENT_S)"
        if self._num_still >= max(1, math.ceil(self.stuck_s / self.heartbeat_s)):
            return f"had work and took no step for {self.stuck_s:g} s (limit: TIMEAUDIO_WORKER__STUCK_S)"
        return None
