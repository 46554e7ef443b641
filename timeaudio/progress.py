"""The progress bar of the command line: the speed against real time, and the time left."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from timeaudio.console import printable
from timeaudio.inputs import Source


class RunCounts:
    """Counts of the recordings of a run.

    Attributes:
        audio_s: seconds of sound analysed so far.
    """

    def __init__(self, num_sources: int) -> None:
        self.num_sources = num_sources
        self.num_done = 0
        self.num_failed = 0
        self.num_skipped = 0
        self.audio_s = 0.0
        self._begun = time.monotonic()

    @property
    def speed(self) -> str:
        """The speed against real time, as `20x`. Empty before the first answer."""
        took_s = time.monotonic() - self._begun
        return f"{self.audio_s / took_s:.1f}x" if self.audio_s and took_s > 0 else ""

    def __str__(self) -> str:
        """Format the counts, as `12 recordings, 1 failed: 80.0 s of sound in 4.0 s (20.0x real time)`."""
        counts = [f"{self.num_sources} recording{'s' if self.num_sources != 1 else ''}"]
        counts += [f"{self.num_failed} failed"] if self.num_failed else []
        counts += [f"{self.num_skipped} skipped (answered before)"] if self.num_skipped else []
        speed = f" ({self.speed} real time)" if self.speed else ""
        took_s = time.monotonic() - self._begun
        return f"{', '.join(counts)}: {self.audio_s:.1f} s of sound in {took_s:.1f} s{speed}."


class Bar:
    """The bar, on stderr if that is a terminal (`is_shown`). Print other output only while it is `hidden`."""

    def __init__(self, sources: Sequence[Source], account: RunCounts) -> None:
        console = Console(stderr=True)
        self._account = account
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not console.is_terminal,
        )
        self.is_shown = console.is_terminal
        self._current = self._num_done = 0
        # By bytes, because the length of a recording is known only after its answer.
        self._task = self._progress.add_task("", total=sum(map(_weight, sources)), counts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, source: Source) -> None:
        """Show the recording that is being analysed."""
        description = printable(f"Listening to {source.place.name}")
        self._current = _weight(source)
        self._progress.update(self._task, description=description, counts=self._counts)

    def show_passes(self, num_done: int, num_passes: int) -> None:
        """Show how much of the recording is analysed."""
        self._progress.update(
            self._task,
            completed=self._num_done + self._current * num_done / num_passes,
            counts=f"{self._counts}  {num_done}/{num_passes} passes",
        )

    def end(self) -> None:
        """Count the recording, answered or failed."""
        self._num_done += self._current
        self._progress.update(self._task, completed=self._num_done, counts=self._counts)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the bar while something else is printed."""
        self._progress.stop()
        yield
        self._progress.start()

    @property
    def _counts(self) -> str:
        account = self._account
        speed = f"  {account.speed} real time" if account.speed else ""
        return f"{account.num_done}/{account.num_sources}{speed}"


def _weight(source: Source) -> int:
    return source.num_bytes + 1
