"""Kill workers (SIGKILL) under load and stop one (SIGSTOP); measure what callers get and what is left behind.

    python benchmarks/worker_killed.py [--model DIR] [--seconds 120] [--every 10] [--clients 16] [--workers 1]
                                       [--json FILE]

It first gets a reference answer to every clip. Then clients send the same clips continuously while workers die, chosen
at random.
Targets: no answer differs from its reference, all other responses are 503, no more processes or memory than before, and
a stopped worker is replaced within TIMEAUDIO_WORKER__SILENT_S and three heartbeats (13 s).

The server computes in float32, also on processors with bfloat16 instructions: in bfloat16, answers depend on the batch.
"""

import argparse
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
from report import write_report
from sound import clips
from tested_server import TestedServer, tested_server, wait

from model.measure.suite import machine

BOUND_S = 13.0
MOST_GROWTH = 1.05
"""Of the memory of all processes: buffers of the clients' recordings, and what an allocator keeps."""


def ask(client: httpx.Client, clip: bytes) -> httpx.Response:
    """Return the response to one clip, without checking its status."""
    return client.post("/v1/dense-caption", files={"file": clip})


def captions_and_times(response: httpx.Response) -> list[object]:
    """Return captions and times. Omit confidences: their last digits depend on the batch."""
    return [
        (event["caption"], [(i["start"], i["end"]) for i in event["intervals"]]) for event in response.json()["events"]
    ]


def load(server: TestedServer, files: list[bytes], peace: list[object], until: float, outcomes: Counter[str]) -> None:
    """Run one client: send clips until the deadline and count the responses."""
    with httpx.Client(base_url=server.url, timeout=300.0, trust_env=False) as client:
        number = threading.get_ident()
        while time.monotonic() < until:
            number += 1
            try:
                response = ask(client, files[number % len(files)])
            except httpx.TransportError as error:
                outcomes[type(error).__name__] += 1
                continue
            if response.is_success:
                outcomes["right" if captions_and_times(response) == peace[number % len(files)] else "WRONG"] += 1
            else:
                outcomes[str(response.status_code)] += 1
                time.sleep(min(2.0, float(response.headers.get("Retry-After", "0"))))


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"  # for the server: `auto` then chooses float32
    files, outcomes, kills, chance = clips(8, 10.0), Counter[str](), 0, random.Random(0)
    with tested_server(arguments.model, "--workers", str(arguments.workers)) as server:
        with httpx.Client(base_url=server.url, timeout=300.0, trust_env=False) as client:
            peace = [captions_and_times(ask(client, file).raise_for_status()) for file in files]
        before, num_before = server.rss_mib(), len(server.processes())
        until = time.monotonic() + arguments.seconds
        threads = [
            threading.Thread(target=load, args=(server, files, peace, until, outcomes))
            for _ in range(arguments.clients)
        ]
        for thread in threads:
            thread.start()
        while time.monotonic() + arguments.every < until:
            time.sleep(arguments.every)
            if workers := server.workers():
                os.kill(chance.choice(workers), signal.SIGKILL)
                kills += 1
        for thread in threads:
            thread.join()
        wait(lambda: server.metric("workers") == arguments.workers, 120.0)
        after, num_after = server.rss_mib(), len(server.processes())
        stopped = server.workers()[0]
        os.kill(stopped, signal.SIGSTOP)
        replaced_s = wait(lambda: stopped not in server.processes(), 60.0)
        ready_s = replaced_s + wait(lambda: server.metric("workers") == arguments.workers, 120.0)
    report = {
        "machine": machine("cpu"),
        "clients": arguments.clients,
        "workers": arguments.workers,
        "seconds": arguments.seconds,
        "kills": kills,
        "answers": dict(outcomes),
        "processes": {"before": num_before, "after": num_after},
        "rss_mib": {"before": before, "after": after},
        "stopped_worker": {"replaced_s": replaced_s, "ready_s": ready_s, "bound_s": BOUND_S},
        "met": outcomes["right"] > 0
        and outcomes["WRONG"] == 0
        and set(outcomes) <= {"right", "503", "WRONG"}
        and num_after <= num_before
        and after["all"] <= MOST_GROWTH * before["all"]
        and replaced_s <= BOUND_S,
    }
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
