"""Decide when a run saves its state, and leave the run when a signal has arrived."""

import time
from pathlib import Path

import torch
from torch import Tensor

from training.run_state import RESUME, RunState, save
from training.stop_signals import SIGNALS, Stopped, StopSignals
from training.training_setup import TrainingSetup

SAVE_EVERY_S = 60.0
"""Maximum seconds of training that a killed run loses, unless a single step takes longer."""


class StateSaver:
    """Saves the state every `save_every` steps, every minute, and when a signal stops the run."""

    def __init__(self, setup: TrainingSetup, run: Path, optimizer: torch.optim.Optimizer, stop: StopSignals) -> None:
        self._setup, self._run, self._optimizer, self._stop = setup, run, optimizer, stop
        self._saved = self._stepped = time.monotonic()

    def step_done(self, state: RunState, *, must_save: bool) -> None:
        """Save if it is time to, and leave if a signal has arrived. All processes do so after the same step.

        Raises:
            Stopped: a signal has arrived, here or in another process.
        """
        now = time.monotonic()
        next_step_at = now + (now - self._stepped)
        self._stepped = now
        late = next_step_at - self._saved >= SAVE_EVERY_S
        *signals, is_late = self._agree(*(self._stop.received == number for number in SIGNALS), late)
        if must_save or is_late or any(signals) or state.step % self._setup.config.save_every == 0:
            self.save(state)
        for number, has_arrived in zip(SIGNALS, signals, strict=True):
            if has_arrived:
                raise Stopped(number, state.step)

    def save(self, state: RunState) -> None:
        """Save the state."""
        save(self._run / RESUME, self._setup.learner, self._optimizer, state, self._setup.writes)
        self._saved = time.monotonic()
        self._stop.saved_step = state.step

    def _agree(self, *flags: bool) -> list[bool]:
        """Return which flags are set in any process: all processes must save and leave together."""
        accelerator = self._setup.accelerator
        if accelerator.num_processes == 1:
            return list(flags)
        counts: Tensor = accelerator.reduce(torch.tensor(flags, dtype=torch.float32, device=accelerator.device), "sum")
        return [count > 0 for count in counts.tolist()]
