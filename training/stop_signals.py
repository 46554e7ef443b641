"""Stop a run on Ctrl-C or SIGTERM without losing a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """The run was stopped and its state is saved. `status` is the exit status of a process that the signal ends.

    It is a KeyboardInterrupt because a library may catch every Exception.
    """

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped; the state after step {step} is saved")
        self.status = 128 + number


class StopSignals:
    """Keeps the first signal until the loop asks for it; a second one stops the run at once.

    Outside the main thread, where Python cannot handle signals, it does nothing. Signals that the process ignores stay
    ignored: background jobs of a script ignore SIGINT.

    Attributes:
        received: the signal that has arrived, or 0.
        saved_step: the step of the last saved state.
    """

    def __init__(self, saved_step: int) -> None:
        self.received, self.saved_step = 0, saved_step
        self._may_wait = True
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._receive) for number in heeded}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.received or not self._may_wait:
            raise Stopped(number, self.saved_step)
        self.received = number

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let a signal interrupt the code inside at once: the state is already saved."""
        if self.received:
            raise Stopped(self.received, self.saved_step)
        self._may_wait = False
        try:
            yield
        finally:
            self._may_wait = True
