"""Estimate how many workers (one GPU each, or a CPU's cores) a daily load needs to meet a p99 target.

    python benchmarks/capacity.py soak.json --hours-per-day 1000 --p99 5 [--peak 3] [--headroom 0.2] [--json FILE]
    python benchmarks/capacity.py bench.json --clip 10 ...     # which of several measured clips

Reads the clips per second of one worker from a report of `make soak`, `benchmarks/throughput.py --json` or
`timeaudio bench`, and simulates an M/D/c queue: arrivals are random (Poisson), the queue is first come, first served,
and every clip takes the inverse of that rate. The tests compare it with Pollaczek and Khinchine's mean, Erlang's
distribution, and Cosmetatos' approximation for several workers.
"""

import argparse
import heapq
import json
import math
import random
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DAY_S = 86_400.0
MOST_WORKERS = 10_000
REQUESTS = 200_000
"""Simulated arrivals, after a tenth as many to warm up. 2,000 of them lie beyond the p99."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The measured rate of one worker. Units: clips per second, and seconds of audio per clip."""

    clips_per_s: float
    clip_s: float


@dataclass(frozen=True, slots=True)
class Waits:
    """Times from arrival to answer, in seconds."""

    mean: float
    p50: float
    p99: float


def rate_of(report: Mapping[str, Any], clip_s: float | None = None) -> Rate:
    """Return the measured rate in a report.

    Raises:
        ValueError: the report has no rate, or none for clips of that length.
    """
    found = []
    if "peak" in report:  # soak.py
        found.append(Rate(float(report["peak"]["answers_per_s"]), float(report["clip_s"])))
    if "server_clips_per_s" in report:  # throughput.py
        found.append(Rate(float(report["server_clips_per_s"]) / report.get("workers", 1), float(report["seconds"])))
    for result in report.get("results", {}).values():  # timeaudio bench
        if "engine_clips_per_s" in result:
            found.append(Rate(float(result["engine_clips_per_s"]), float(result["seconds"])))
    fitting = [rate for rate in found if clip_s is None or math.isclose(rate.clip_s, clip_s)]
    if not fitting:
        lengths = ", ".join(f"{rate.clip_s:g}" for rate in found) or "none"
        raise ValueError(f"No clips per second for this length; measured lengths in seconds: {lengths}. Choose --clip.")
    return min(fitting, key=lambda rate: rate.clips_per_s * rate.clip_s)  # the slowest of several loads


def simulate(
    arrivals_per_s: float, service_s: float, workers: int, *, requests: int = REQUESTS, seed: int = 0
) -> Waits:
    """Simulate an M/D/c queue, first come, first served, and time each clip from arrival to the end of service.

    Raises:
        ValueError: arrivals exceed the capacity, so that the queue grows without bound.
    """
    load = arrivals_per_s * service_s / workers
    if load >= 1:
        raise ValueError(f"{workers} workers would be busy {load:.0%} of the time: the queue would grow without bound.")
    chance, free_at, now, took = random.Random(seed), [0.0] * workers, 0.0, []
    for number in range(requests + requests // 10):
        now += chance.expovariate(arrivals_per_s)
        end = max(now, free_at[0]) + service_s
        heapq.heapreplace(free_at, end)
        if number >= requests // 10:
            took.append(end - now)
    took.sort()
    return Waits(sum(took) / len(took), took[len(took) // 2], took[math.ceil(0.99 * len(took)) - 1])


def workers_needed(arrivals_per_s: float, service_s: float, p99_s: float, headroom: float) -> tuple[int, Waits]:
    """Return the fewest workers that meet the target and are idle at least the share `headroom` of the time.

    Raises:
        ValueError: the target is shorter than the time of a single clip, or needs too many workers.
    """
    if p99_s <= service_s:
        raise ValueError(f"A clip alone takes {service_s:.3g} s. Set a higher --p99, or use faster workers.")
    least = max(1, math.ceil(arrivals_per_s * service_s / (1 - headroom) - 1e-9))
    for workers in range(least, MOST_WORKERS):
        if (
            arrivals_per_s * service_s < workers
            and (waits := simulate(arrivals_per_s, service_s, workers)).p99 <= p99_s
        ):
            return workers, waits
    raise ValueError(f"The load needs more than {MOST_WORKERS} workers. Measure again, or reduce the load.")


def main() -> int:
    """Read a report, simulate, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="JSON of a benchmark")
    parser.add_argument("--hours-per-day", type=float, required=True, help="hours of audio that arrive in a day")
    parser.add_argument("--p99", type=float, required=True, help="seconds within which 99 of 100 answers must arrive")
    parser.add_argument("--peak", type=float, default=3.0, help="load of the busiest hour over the average (3)")
    parser.add_argument("--headroom", type=float, default=0.2, help="share of the time that workers are idle (0.2)")
    parser.add_argument("--clip", type=float, help="clip length in seconds, if the report has several")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.hours_per_day <= 0 or arguments.peak < 1 or not 0 <= arguments.headroom < 1:
        parser.error("hours per day must be above 0, --peak at least 1, --headroom from 0 to below 1")
    try:
        rate = rate_of(json.loads(arguments.report.read_text(encoding="utf-8")), arguments.clip)
        arrivals_per_s = arguments.peak * arguments.hours_per_day * 3600 / rate.clip_s / DAY_S
        service_s = 1 / rate.clips_per_s
        workers, waits = workers_needed(arrivals_per_s, service_s, arguments.p99, arguments.headroom)
    except (ValueError, OSError) as error:
        print(f"capacity: {error}", file=sys.stderr)
        return 1
    print(
        f"Measured: {rate.clips_per_s:.3g} clips of {rate.clip_s:g} s per second and worker ({service_s:.3g} s each)."
    )
    print(
        f"Load: {arguments.hours_per_day:g} h a day, "
        f"{arrivals_per_s:.3g} clips/s in the busiest hour ({arguments.peak:g}x)."
    )
    print(f"Workers: {workers}, busy {arrivals_per_s * service_s / workers:.0%} of that hour.")
    print(
        f"Answers: mean {waits.mean:.3g} s, p50 {waits.p50:.3g} s, p99 {waits.p99:.3g} s (target {arguments.p99:g} s)."
    )
    if arguments.json is not None:
        report = asdict(rate) | {"arrivals_per_s": arrivals_per_s, "workers": workers, "waits_s": asdict(waits)}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
