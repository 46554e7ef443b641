"""Measure how soon a streamed answer reports its first event, as a share of the time until the answer is complete.

    python benchmarks/first_event.py [--seconds 60] [--rounds 5] [--model DIR] [--json FILE]

The audio is the bundled recordings, repeated. Each round asks for its dense captions with streaming and without. With
`--one-pass`, `one_pass_s` is the time of a second server that analyses the audio in one pass.
"""

import argparse
import statistics
import time
from pathlib import Path

from report import write_report
from sound import repeated
from tested_server import tested_server

from model.measure.suite import machine
from timeaudio.client import Client

TIMEOUT_S = 600


def streamed(client: Client, data: bytes) -> tuple[float, float]:
    """Return the seconds until the first event, and until the end of the answer."""
    began = time.perf_counter()
    first = None
    for _ in client.stream_dense_caption(data):
        first = first or time.perf_counter() - began
    whole = time.perf_counter() - began
    return first or whole, whole


def plain(client: Client, data: bytes) -> float:
    """Return the seconds that the same request takes without streaming."""
    began = time.perf_counter()
    client.dense_caption(data)
    return time.perf_counter() - began


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one-pass", action="store_true")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    data = repeated(arguments.seconds)
    with tested_server(arguments.model) as server, Client(server.url, timeout=TIMEOUT_S) as client:
        plain(client, data)  # warm-up, not counted
        rounds = [(*streamed(client, data), plain(client, data)) for _ in range(arguments.rounds)]
    report = {
        "machine": machine("cpu"),
        "audio_s": arguments.seconds,
        "first_event_s": [first for first, _, _ in rounds],
        "streamed_s": [whole for _, whole, _ in rounds],
        "plain_s": [whole for _, _, whole in rounds],
        "share": statistics.median(first / whole for first, whole, _ in rounds),
    }
    if arguments.one_pass:
        with (
            tested_server(arguments.model, PASSES__SECONDS=str(arguments.seconds)) as server,
            Client(server.url, timeout=TIMEOUT_S) as client,
        ):
            plain(client, data)
            report["one_pass_s"] = [plain(client, data) for _ in range(arguments.rounds)]
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
