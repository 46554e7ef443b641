"""Report a run: a bar on a terminal or plain lines elsewhere, `log.jsonl`, and TensorBoard."""

import json
import math
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column
from torch.utils.tensorboard import SummaryWriter

LINE_EVERY_S = 30.0
"""Seconds between plain lines."""


class RunLog:
    """Reports each step, in the main process only.

    The time left is the mean time of the steps so far, validations included, times the steps to come. (rich's own
    estimate covers half a minute, which may be less than a step.)
    """

    def __init__(
        self, run: Path, first: int, steps: int, *, is_main: bool = True,
        console: Console | None = None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._run, self._first, self._steps, self._is_main = run, first, steps, is_main
        self._console, self._clock = console or Console(stderr=True), clock
        self._began = clock()
        self._printed: float | None = None

    def __enter__(self) -> "RunLog":
        if self._is_main:
            self._file = (self._run / "log.jsonl").open("a", encoding="utf-8")
            self._board = SummaryWriter(str(self._run), purge_step=self._first)
            shown = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
            self._bar = Progress(BarColumn(bar_width=20), shown, console=self._console)
            if self._console.is_interactive:
                self._bar.start()
            start = f"step {self._first}/{self._steps}"
            self._task = self._bar.add_task(start, total=self._steps, completed=self._first)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_main:
            if self._console.is_interactive:
                self._bar.stop()
            self._file.close()
            self._board.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Write one step's figures. Those of a step that has just been taken include its `loss`."""
        if not self._is_main:
            return
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        rounded = {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in values.items()}
        self._file.write(json.dumps({"step": step, "seconds": round(self._clock() - self._began, 2)} | rounded) + "\n")
        self._file.flush()
        if "loss" in values:
            self._show(step + 1, values["loss"])

    def _show(self, done: int, loss: float) -> None:
        now = self._clock()
        seconds = (now - self._began) / (done - self._first) * (self._steps - done)
        text = f"step {done}/{self._steps}  loss {loss:.3f}  {timedelta(seconds=round(seconds))} left"
        self._bar.update(self._task, completed=done, description=text)
        is_due = self._printed is None or now - self._printed >= LINE_EVERY_S or done == self._steps
        if is_due and not self._console.is_interactive:
            self._printed = now
            print(text, file=self._console.file, flush=True)


def read_log(run: Path) -> Iterator[dict[str, float]]:
    """Yield the lines of a run's log."""
    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)
