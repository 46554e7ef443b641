"""`make chaos`: run all fault tests, one after the other, and write one report.

    python -m tests.chaos [--json runs/chaos.json] [--seconds 120]

The faults are end-to-end tests (tests/e2e/test_faults.py, test_clock_jumps.py, test_workers.py, test_batch.py, and
test_batch_ray.py if Ray is installed) and two benchmarks under load (killed workers, callers that disconnect). All of
them run even if some fail. The exit status is 1 if any failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
FAULTS = ("test_faults", "test_clock_jumps", "test_workers", "test_batch", "test_batch_ray")


def faults(folder: Path) -> list[dict[str, Any]]:
    """Run the fault tests. Return the name, result and duration of each."""
    report = folder / "faults.xml"
    files = [f"tests/e2e/{name}.py" for name in FAULTS]
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-m", "slow or not slow", f"--junitxml={report}", *files]
    subprocess.run(command, cwd=ROOT)
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        ends = [child for child in case if child.tag in ("failure", "error", "skipped")]
        row = {
            "fault": case.get("name"),
            "result": ends[0].tag if ends else "met",
            "seconds": float(case.get("time", 0)),
        }
        if ends:
            row["why"] = (ends[0].get("message") or "")[:300]
        found.append(row)
    return found


def benchmark(name: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a benchmark of a fault under load. Return its result with its figures."""
    report, begun = folder / f"{name}.json", time.monotonic()
    command = [sys.executable, f"benchmarks/{name}.py", "--json", str(report), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    figures = json.loads(report.read_text()) if report.exists() else {}
    is_met = done.returncode == 0 and figures.get("met", True)
    seconds = round(time.monotonic() - begun, 1)
    return {"fault": name, "result": "met" if is_met else "failure", "seconds": seconds, "figures": figures}


def main() -> int:
    """Run all faults and write the report. Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=int, default=120, help="how long workers are killed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = faults(folder)
        rows.append(benchmark("worker_killed", folder, "--seconds", str(arguments.seconds), "--workers", "2"))
        rows.append(benchmark("clients_leaving", folder))
    for row in rows:
        print(f"{row['result']:8} {row['seconds']:7.1f} s  {row['fault']}  {row.get('why', '')}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    return int(any(row["result"] in ("failure", "error") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
