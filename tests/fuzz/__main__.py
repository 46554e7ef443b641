"""`make fuzz`: many damaged files, bodies and messages at a real server, with the figures as JSON.

    python -m tests.fuzz --files 100000 --bodies 10000 --messages 10000 [--seed 1] [--json fuzz.json]

Fails (status 1) if one was answered 5xx or not at all, if the server or its worker ended, or if the front end holds
more memory or files at the end than after the first tenth.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.e2e.conftest import free_port, running
from tests.fuzz.attack import Report, attack_bodies, attack_files, attack_grpc, holdings

MORE_MIB = 32.0
MORE_FILES = 8


def main() -> int:
    """Attack, print, judge."""
    parser = argparse.ArgumentParser(description="Damaged files, bodies and messages at a real server.")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--bodies", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    port = free_port()
    with running("--grpc-port", str(port), TIMEAUDIO_WORKER__PIPELINE="scripted_pipeline") as server:
        tenth = arguments.files // 10
        figures: dict[str, Any] = {"seed": arguments.seed}
        reports: dict[str, Report] = {}
        reports["first files"] = attack_files(server.url, tenth, seed=arguments.seed)
        before = holdings(server)
        begun = time.monotonic()
        reports["files"] = attack_files(server.url, arguments.files - tenth, seed=arguments.seed + 1)
        figures["files_per_s"] = round((arguments.files - tenth) / (time.monotonic() - begun), 1)
        reports["bodies"] = attack_bodies(server.url, arguments.bodies, seed=arguments.seed)
        reports["messages"] = attack_grpc(f"127.0.0.1:{port}", arguments.messages, seed=arguments.seed)
        after = holdings(server)
        figures |= {name: dict(report.answers) for name, report in reports.items()}
        figures |= {"mib": [round(before[0], 1), round(after[0], 1)], "open_files": [before[1], after[1]]}
        figures["worker_restarts"] = server.metric("timeaudio_worker_restarts_total")
        figures["alive"] = server.process.poll() is None
    wrong = [(answer, sent.hex()[:200]) for report in reports.values() for answer, sent in report.kept]
    figures["wrong"] = wrong[:20]
    print(json.dumps(figures, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    leaks = after[0] > before[0] + MORE_MIB or after[1] > before[1] + MORE_FILES
    return int(bool(wrong) or leaks or not figures["alive"] or figures["worker_restarts"] > 0)


if __name__ == "__main__":
    sys.exit(main())
