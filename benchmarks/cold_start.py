"""Time a cold start: `timeaudio caption` without a server, and a server until it accepts requests.

    python -m benchmarks.cold_start --json cold-start.json

Every round starts fresh processes. The first round is not counted: it reads the libraries from the disk. Wall time
depends on what else the machine does; processor time (user and system, of all processes) depends on it less.
"""

import argparse
import contextlib
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import write_report
from benchmarks.tested_server import tested_server

CLIP = Path(__file__).parents[1] / "server" / "recordings" / "dog-barking.flac"
"""5 s of sound."""
Times = tuple[float, float]
"""Wall and processor time, in seconds."""


def main() -> int:
    """Run the rounds and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=Path, help="checkpoint directory (default: the embedded one)")
    parser.add_argument("--only", choices=("caption", "server"), help="measure only one of the two")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    report: dict[str, object] = {
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "load_average": round(os.getloadavg()[0], 1),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "rounds": arguments.rounds,
    }
    for name, measure in (("caption", time_caption), ("server", time_server)):
        if arguments.only in (None, name):
            rounds = [measure(arguments.model) for _ in range(arguments.rounds + 1)][1:]
            report[name] = {
                "wall_s": spread([wall for wall, _ in rounds]),
                "processor_s": spread([processor for _, processor in rounds]),
            }
    write_report(report, arguments.json)
    return 0


def time_caption(model: Path | None) -> Times:
    """Return the times of `timeaudio caption` for one clip, until the process has ended."""
    command = [sys.executable, "-m", "timeaudio", "caption", str(CLIP)]
    command += ["--model", str(model)] if model is not None else []
    before, began = children_s(), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began, children_s() - before


def time_server(model: Path | None) -> Times:
    """Return the times of a server until it is ready."""
    began = time.monotonic()
    with tested_server(model) as server:
        return time.monotonic() - began, sum(map(process_s, server.processes()))


def children_s() -> float:
    """Return the processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def process_s(pid: int) -> float:
    """Return the processor time of a process; 0 if it has just ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def processor() -> str:
    """Return the processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def spread(seconds: list[float]) -> dict[str, float]:
    """Return the median and the range."""
    median = statistics.median(seconds)
    return {"median": round(median, 2), "min": round(min(seconds), 2), "max": round(max(seconds), 2)}


if __name__ == "__main__":
    sys.exit(main())
