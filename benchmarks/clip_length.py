"""Measure the time per second of audio over HTTP, by clip length. The ratio should stay near one.

    python benchmarks/clip_length.py [--seconds 10 30 150] [--requests 5] [--model DIR]

Starts a server on a free port and sends it the bundled recordings in turn, one after another, cut to each length.
Prints a table and a JSON object; times are seconds, medians over the requests.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from sound import repeated

from timeaudio.client import Client
from timeaudio.server_process import ServerProcess


def main() -> int:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 30.0, 150.0])
    parser.add_argument("--requests", type=int, default=5)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    rows = []
    with ServerProcess(arguments.model) as server:
        server.wait_ready(lambda _: None)
        with Client(server.url, timeout=300) as client:
            for seconds in arguments.seconds:
                data = repeated(seconds)
                client.dense_caption(data)  # warm-up, not counted
                walls, tokens = [], 0
                for _ in range(arguments.requests):
                    began = time.perf_counter()
                    tokens = client.dense_caption(data).usage.completion_tokens
                    walls.append(time.perf_counter() - began)
                wall = statistics.median(walls)
                rows.append({"seconds": seconds, "wall_s": wall, "per_second": wall / seconds, "answer_tokens": tokens})
    print("clip s   wall s   s per s of audio   answer tokens")
    for row in rows:
        print(f"{row['seconds']:6g}   {row['wall_s']:6.3f}   {row['per_second']:16.4f}   {row['answer_tokens']:13d}")
    ratio = max(row["per_second"] for row in rows) / min(row["per_second"] for row in rows)
    print(f"s per s of audio, the slowest length against the fastest: {ratio:.2f}")
    print(json.dumps({"rows": rows, "ratio": ratio, "machine": platform.processor(), "cores": os.cpu_count()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
