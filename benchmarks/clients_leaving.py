"""Measure how soon all slots are free after hundreds of clients disconnect in the middle of a request.

    python benchmarks/clients_leaving.py [--model DIR] [--clients 500] [--json FILE]

All clients send a clip of 10 s. When all slots are busy, all connections close. Target: 1 s, with no work left.
"""

import argparse
import resource
import socket
import time
from pathlib import Path

from report import write_report
from sound import clips
from tested_server import tested_server, wait

from model.measure.suite import machine

BAR_S = 1.0


def request(clip: bytes) -> bytes:
    """Return a whole HTTP request."""
    head = (
        f"POST /v1/dense-caption HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: {len(clip)}\r\n\r\n"
    )
    return head.encode() + clip


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * arguments.clients + 100)), hard))
    files = [request(clip) for clip in clips(16, 10.0)]
    settings = {"LIMITS__QUEUED_REQUESTS": str(arguments.clients), "WORKER__HEARTBEAT_S": "0.1"}
    with tested_server(arguments.model, **settings) as server:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        connections = []
        for number in range(arguments.clients):
            connection = socket.create_connection(address)
            connection.sendall(files[number % len(files)])
            connections.append(connection)
        wait(lambda: server.metric("kv_cache_usage_perc") == 1, 120.0)
        running, waiting = server.metric("num_requests_running"), server.metric("num_requests_waiting")
        usage = server.metric("kv_cache_usage_perc")
        began, cpu_before_s = time.monotonic(), server.cpu_s()
        for connection in connections:
            connection.close()
        wait(lambda: server.metric("num_requests_running") + server.metric("num_requests_waiting") == 0, 60.0)
        nobody_s = time.monotonic() - began
        wait(lambda: server.metric("kv_cache_usage_perc") == 0, 60.0)
        free_s = time.monotonic() - began
        cpu_s = server.cpu_s() - cpu_before_s
        left_s = server.metric("audio_seconds_inside")
    report = {
        "machine": machine("cpu"),
        "clients": arguments.clients,
        "running": running,
        "waiting": waiting,
        "slots_taken": usage,
        "nobody_inside_s": nobody_s,
        "all_slots_free_s": free_s,
        "front_end_processor_s": cpu_s,
        "audio_left_s": left_s,
        "met": free_s <= BAR_S and left_s == 0,
    }
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
