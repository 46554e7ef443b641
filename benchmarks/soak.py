"""Load a server for a long time at 80 % of its peak rate, then at 500 %; measure memory, files, latency and refusals.

    python benchmarks/soak.py [--model DIR] [--minutes 30] [--again-min 5] [--overload-s 60] [--peak-s 30]
                              [--clip-s 10] [--clients 16] [--json FILE]

It measures the peak with clients that always have a clip in flight. Then clips arrive at random (Poisson), whether or
not earlier ones were answered. It measures the peak again every few minutes and adapts the rate: on a shared machine,
80 % of an old peak may exceed the current capacity. Targets at 80 %: the memory of the second half is within 5 % of the
first, as many files are open after it as before, and every request is answered. Targets at 500 %: goodput is at least
90 % of the peak just before it, and refusals take less than 1 s at p99 (including the upload of the clip).
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from pathlib import Path

import httpx
import numpy as np
from load import Load, quantiles
from sound import clips
from tested_server import TestedServer, tested_server

from model.measure.suite import machine

LOOK_S = 5.0


async def ask(client: httpx.AsyncClient, clip: bytes, load: Load) -> None:
    """Send one clip once; count a refusal without a retry."""
    began = time.monotonic()
    try:
        response = await client.post("/v1/dense-caption", content=clip, headers={"content-type": "audio/wav"})
        outcome = str(response.status_code)
    except httpx.TransportError as error:
        outcome = type(error).__name__
    load.outcomes[outcome] += 1
    (load.answered_s if outcome == "200" else load.refused_s).append(time.monotonic() - began)


async def watch(server: TestedServer, load: Load) -> None:
    """Sample the processes at intervals, until cancelled."""
    while True:
        load.rss_mib.append(server.rss_mib()["all"])
        load.open_files.append(open_files(server))
        await asyncio.sleep(LOOK_S)


def open_files(server: TestedServer) -> int:
    """Return the open files of all server processes, connections included."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server.processes())


def open_files_at_rest(server: TestedServer) -> int:
    """Return the fewest open files in ten seconds without load: connections close late, and decoders are replaced."""
    counts = []
    for _ in range(50):
        counts.append(open_files(server))
        time.sleep(0.2)
    return min(counts)


async def peak(server: TestedServer, files: list[bytes], seconds: float, num_clients: int) -> Load:
    """Run `num_clients` clients that each always have a clip in flight."""
    load, began = Load(), time.monotonic()

    async def work(number: int, client: httpx.AsyncClient) -> None:
        while time.monotonic() - began < seconds:
            number += 1
            await ask(client, files[number % len(files)], load)

    async with connected(server) as client:
        await asyncio.gather(*(work(number, client) for number in range(num_clients)))
    load.seconds = time.monotonic() - began
    return load


async def arrivals(
    server: TestedServer, files: list[bytes], seconds: float, per_s: float, load: Load, *, seed: int = 0
) -> None:
    """Send clips at random times, `per_s` per second on average, and record the responses in `load`."""
    random, began = np.random.default_rng(seed), time.monotonic()
    looking = asyncio.create_task(watch(server, load))
    async with connected(server) as client, asyncio.TaskGroup() as group:
        due = began
        while (due := due + random.exponential(1 / per_s)) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(ask(client, files[int(random.integers(len(files)))], load))
    looking.cancel()
    load.seconds += time.monotonic() - began


def soaked(server: TestedServer, files: list[bytes], options: argparse.Namespace) -> tuple[Load, list[Load]]:
    """Run at 80 % of the peak for `options.minutes`; return that load and the peak measured before each part."""
    soak, peaks, left_s = Load(), [], 60 * options.minutes
    while left_s > 0:
        peaks.append(asyncio.run(peak(server, files, options.peak_s, options.clients)))
        stretch_s = min(left_s, 60 * options.again_min)
        asyncio.run(arrivals(server, files, stretch_s, 0.8 * peaks[-1].per_s, soak, seed=len(peaks)))
        left_s -= stretch_s
        print(
            f"{options.minutes - left_s / 60:.0f} min: peak {peaks[-1].per_s:.2f}/s, {dict(soak.outcomes)}", flush=True
        )
    return soak, peaks


def connected(server: TestedServer) -> httpx.AsyncClient:
    """Return a client without a limit on connections."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    return httpx.AsyncClient(base_url=server.url, timeout=300.0, trust_env=False, limits=limits)


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--again-min", type=float, default=5.0)
    parser.add_argument("--overload-s", type=float, default=60.0)
    parser.add_argument("--peak-s", type=float, default=30.0)
    parser.add_argument("--clip-s", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    files = clips(16, arguments.clip_s)
    with tested_server(arguments.model) as server:
        asyncio.run(peak(server, files, 5.0, arguments.clients))  # warm-up
        quiet = open_files_at_rest(server)
        soak, peaks = soaked(server, files, arguments)
        grown = open_files_at_rest(server) - quiet
        most = asyncio.run(peak(server, files, arguments.peak_s, arguments.clients))
        flood = Load()
        asyncio.run(arrivals(server, files, arguments.overload_s, 5 * most.per_s, flood))
    half = len(soak.rss_mib) // 2
    growth = statistics.mean(soak.rss_mib[half:]) / statistics.mean(soak.rss_mib[:half] or soak.rss_mib)
    bars = {
        "all_answered": set(soak.outcomes) == {"200"},
        "memory_flat": growth < 1.05,
        "files_flat": grown <= 1,
        "goodput": flood.per_s >= 0.9 * most.per_s,
        "refused_fast": set(flood.outcomes) <= {"200", "429"} and quantiles(flood.refused_s).get("p99", 0.0) < 1.0,
    }
    report = {
        "machine": machine("cpu"),
        "clip_s": arguments.clip_s,
        "peak": most.report(),  # just before the overload
        "peaks_per_s": [round(each.per_s, 3) for each in peaks],
        "soak": soak.report() | {"memory_growth": round(growth, 4), "open_files_grown": grown},
        "overload": flood.report() | {"of_peak": round(flood.per_s / most.per_s, 3)},
        "bars": bars,
    }
    text = json.dumps(report)
    print(json.dumps({key: value for key, value in report.items() if key != "machine"}, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
