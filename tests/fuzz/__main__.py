"""`make fuzz`: decode damaged files, send more with bodies and messages to a real server, print the results as JSON.

    python -m tests.fuzz --decodes 100000 --files 100000 --bodies 10000 --messages 10000 [--seed 1] [--model]
        [--json fuzz.json]

The report is written after every thousand cases. After an interruption, the same command continues where the report
ends, with a new server. It rejects a report with another seed. It fails (status 1) if a file decoded to anything but
finite samples or an error of `model.errors`; if a request got 5xx, no response, or times outside of the recording; if
the server or its worker ended; or if the front end or the worker has more memory or open files at the end than after
the warm-up.
"""

import argparse
import faulthandler
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.conftest import free_port, running
from tests.fuzz.attack import Report, attack_bodies, attack_decoder, attack_files, attack_grpc, holdings

ROUND = 1000
WARM_ROUNDS = 2
MORE_MIB = 32.0
MORE_FILES = 8
HANG_S = 900
KINDS = ("decodes", "files", "bodies", "messages")


def main() -> int:
    """Run all attacks and print the report. Return the exit status."""
    parser = argparse.ArgumentParser(description="Damaged files, bodies and messages at a real server.")
    parser.add_argument("--decodes", type=int, default=100_000, help="files to decode in this process")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--bodies", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", action="store_true", help="use the embedded checkpoint instead of a scripted model")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = _so_far(arguments.json, arguments.seed)
    port = free_port()
    # Decoders are replaced ten times less often than by default, so that leaks become visible.
    settings = {"TIMEAUDIO_DECODE__MAX_TASKS": "2000"}
    if not arguments.model:
        settings["TIMEAUDIO_WORKER__PIPELINE"] = "scripted_pipeline"
    with running("--grpc-port", str(port), **settings) as server:
        run: dict[str, Any] = {"rounds": 0, "files": 0, "files_s": 0.0}
        figures["runs"].append(run)

        def rounds(kind: str, count: int) -> None:
            while (done := sum(figures[kind].values())) < count:
                begun = time.monotonic()
                part = range(done, min(done + ROUND, count))
                if kind == "decodes":
                    faulthandler.dump_traceback_later(HANG_S, exit=True)
                    report = attack_decoder(part, seed=arguments.seed)
                    faulthandler.cancel_dump_traceback_later()
                elif kind == "files":
                    report = attack_files(server.url, part, seed=arguments.seed, threads=4)
                    run["files"] += len(part)
                    run["files_s"] += time.monotonic() - begun
                elif kind == "bodies":
                    report = attack_bodies(server.url, part, seed=arguments.seed)
                else:
                    report = attack_grpc(f"127.0.0.1:{port}", part, seed=arguments.seed)
                _count(figures, kind, report)
                run["rounds"] += 1
                run["alive"] = server.process.poll() is None
                run["holds"] = holdings(server)
                run["worker_restarts"] = server.metric("timeaudio_worker_restarts_total")
                if run["rounds"] <= WARM_ROUNDS:
                    run["held_when_warm"] = run["holds"]
                _write(figures, arguments.json)

        rounds("files", arguments.files)
        rounds("bodies", arguments.bodies)
        rounds("messages", arguments.messages)
        rounds("decodes", arguments.decodes)
    print(json.dumps(figures, indent=2))
    return int(bool(figures["wrong"]) or not all(map(_is_well, figures["runs"])))


def _so_far(path: Path | None, seed: int) -> dict[str, Any]:
    if path is None or not path.exists():
        return {"seed": seed, **{kind: {} for kind in KINDS}, "wrong": [], "runs": []}
    figures: dict[str, Any] = json.loads(path.read_text())
    if figures.get("seed") != seed or not figures.keys() >= {*KINDS, "runs"}:
        sys.exit(f"{path} is of another seed or version: move it away, or give --seed {figures.get('seed')}.")
    return figures


def _count(figures: dict[str, Any], kind: str, report: Report) -> None:
    figures[kind] = dict(Counter(figures[kind]) + report.answers)
    figures["wrong"] += [(answer, sent.hex()) for answer, sent in report.kept[:20]]


def _write(figures: dict[str, Any], path: Path | None) -> None:
    if path is not None:
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(figures, indent=2) + "\n")
        beside.replace(path)


def _is_well(run: dict[str, Any]) -> bool:
    warm, held = run.get("held_when_warm", {}), run.get("holds", {})
    leaks = any(
        held[role][0] > mib + MORE_MIB or held[role][1] > files + MORE_FILES for role, (mib, files) in warm.items()
    )
    return run.get("alive", True) and run.get("worker_restarts", 0) == 0 and not leaks


if __name__ == "__main__":
    sys.exit(main())
