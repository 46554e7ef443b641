"""How long a piece of work takes."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds on the wall, and of processor time of all threads of this process.

    Other work on the machine makes the first one longer, but hardly the second.
    """

    wall: float
    cpu: float

    def __add__(self, other: "Took") -> "Took":
        return Took(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: "Took") -> "Took":
        return Took(self.wall - other.wall, self.cpu - other.cpu)


def took(work: Callable[[], object]) -> Took:
    """Run it once, to the end of what it started on a GPU."""
    _finish()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    _finish()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def median(runs: list[Took]) -> Took:
    """The middle of several runs, of each clock by itself."""
    return Took(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs))


def rates(unit: str, engine: tuple[float, Took], library: tuple[float, Took]) -> dict[str, float]:
    """Units per second of both, and how many times more the engine does: by the clock, and by processor time."""
    (count, ours), (library_count, theirs) = engine, library
    return {
        f"engine_{unit}_per_s": count / ours.wall,
        f"library_{unit}_per_s": library_count / theirs.wall,
        "ratio": count / ours.wall / (library_count / theirs.wall),
        "ratio_of_cpu_time": count / ours.cpu / (library_count / theirs.cpu),
    }


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
