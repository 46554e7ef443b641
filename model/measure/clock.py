"""Measure the wall time and the CPU time of a function call."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Wall time, and CPU time of all threads of this process, in seconds.

    Other load on the machine increases the wall time, but hardly the CPU time.
    """

    wall: float
    cpu: float

    def __add__(self, other: "Elapsed") -> "Elapsed":
        return Elapsed(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: "Elapsed") -> "Elapsed":
        return Elapsed(self.wall - other.wall, self.cpu - other.cpu)


def took(work: Callable[[], object]) -> Elapsed:
    """Run `work` once, wait for the GPU to finish, and return the time it took."""
    _finish()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    _finish()
    return Elapsed(time.perf_counter() - wall, time.process_time() - cpu)


def median(runs: list[Elapsed]) -> Elapsed:
    """Return the median of several runs, separately for each clock."""
    return Elapsed(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs))


def rates(unit: str, engine: tuple[float, Elapsed], library: tuple[float, Elapsed]) -> dict[str, float]:
    """Return the units per second of both, and the engine's speed-up by wall time and by CPU time."""
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
