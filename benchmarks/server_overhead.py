"""Measure the server's overhead: request time minus audio decoding and model time, for one sequential client.

    python benchmarks/server_overhead.py [--url http://127.0.0.1:8000] [--requests 50] [--seconds 10]

Without --url it starts `python -m server` on a free port, with the embedded checkpoint. Prints a JSON object; all times
are milliseconds.
"""

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
from sound import tone

STAGES = ("decode_s", "queue_s", "encode_s", "generate_s", "total_s")
START_TIMEOUT_S = 180.0


@contextlib.contextmanager
def server(url: str | None) -> Iterator[str]:
    """Yield the address of a ready server: the given one, or one that runs while the context lasts."""
    if url is not None:
        yield url
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "server", "--port", str(port)])
    try:
        give_up = time.monotonic() + START_TIMEOUT_S
        while process.poll() is None and time.monotonic() < give_up:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def measure(url: str, *, requests: int, seconds: float) -> dict[str, float]:
    """Return medians over `requests`, after five uncounted ones."""
    sound = tone(seconds)
    rows = []
    with httpx.Client(base_url=url, timeout=120.0, trust_env=False) as client:
        for number in range(requests + 5):
            begun = time.perf_counter()
            response = client.post("/v1/dense-caption", files={"file": sound})
            wall = time.perf_counter() - begun
            timing = response.raise_for_status().json()["timing"]
            model = timing["encode_s"] + timing["generate_s"]
            if number >= 5:
                row = {stage: timing[stage] for stage in STAGES}
                rows.append(row | {"wall": wall, "overhead": wall - model - timing["decode_s"]})
    report = {name.removesuffix("_s"): 1000 * statistics.median(row[name] for row in rows) for name in rows[0]}
    report["overhead_p90"] = 1000 * statistics.quantiles([row["overhead"] for row in rows], n=10)[-1]
    return {name: round(value, 2) for name, value in report.items()} | {"requests": requests, "audio_s": seconds}


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with server(arguments.url) as url:
        print(json.dumps(measure(url, requests=arguments.requests, seconds=arguments.seconds), indent=2))


if __name__ == "__main__":
    main()
