"""Measure time and memory of all processes for a recording of ten minutes and then one of an hour.

    python benchmarks/one_hour.py [--model DIR] [--minutes 60] [--json FILE]

Each recording is a 16-bit WAV of different scenes of 10 s; memory is sampled four times a second. Target: both finish,
and the peak memory of the front end and the worker does not grow with the length.
"""

import argparse
import threading
import time
from pathlib import Path

import httpx
from report import write_report
from sound import looped, scenes
from tested_server import TestedServer, tested_server

from model.measure.suite import machine

SHORT_MINUTES = 10.0
MORE = 1.25


def measure(server: TestedServer, minutes: float) -> dict[str, object]:
    """Measure one recording: seconds, events, and the peak memory of each role."""
    peak: dict[str, int] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            for role, size in server.rss_mib().items():
                peak[role] = max(peak.get(role, 0), size)

    watcher = threading.Thread(target=watch)
    sound = looped(scenes(60, 10.0), minutes * 60)
    watcher.start()
    began = time.monotonic()
    response = httpx.post(
        f"{server.url}/v1/dense-caption",
        content=sound,
        headers={"content-type": "audio/wav"},
        timeout=None,
        trust_env=False,
    )
    took_s = time.monotonic() - began
    done.set()
    watcher.join()
    answer = response.raise_for_status().json()
    return {
        "minutes": minutes,
        "took_s": took_s,
        "real_time_factor": took_s / (60 * minutes),
        "events": len(answer["events"]),
        "last_end": max((i["end"] for event in answer["events"] for i in event["intervals"]), default=None),
        "audio_s": answer["audio"]["duration"],
        "peak_rss_mib": peak,
    }


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tested_server(arguments.model) as server:
        idle = server.rss_mib()
        short, long = measure(server, SHORT_MINUTES), measure(server, arguments.minutes)
    peaks = [run["peak_rss_mib"] for run in (short, long)]
    report = {
        "machine": machine("cpu"),
        "idle_rss_mib": idle,
        "short": short,
        "long": long,
        "met": all(peaks[1][role] <= MORE * peaks[0][role] for role in ("front end", "worker")),
    }
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
