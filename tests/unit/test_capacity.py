"""The queue simulation compared with known values, and the benchmark reports that it reads."""

import importlib.util
import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPT = BENCHMARKS / "capacity.py"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


capacity = load("capacity")
PEAK = load("load").Load(seconds=10.0, outcomes=Counter({"200": 20, "429": 5}))


def test_the_mean_wait_of_one_worker_follows_pollaczek_and_khinchine() -> None:
    for load in (0.3, 0.5, 0.8):
        expected = load / (2 * (1 - load))  # in service times, of constant length
        assert capacity.simulate(load, 1.0, 1).mean - 1 == pytest.approx(expected, rel=0.05)


def test_the_p99_of_one_worker_follows_erlangs_distribution() -> None:
    def share(load: float, time: float) -> float:  # Erlang 1909: P(W <= t) of M/D/1 with service time 1
        terms = (
            (load * (k - time)) ** k / math.factorial(k) * math.exp(-load * (k - time)) for k in range(int(time) + 1)
        )
        return (1 - load) * sum(terms)

    found = [share(load, capacity.simulate(load, 1.0, 1).p99 - 1) for load in (0.5, 0.8)]
    assert found == pytest.approx([0.99, 0.99], abs=0.002)


def test_the_mean_wait_of_several_follows_cosmetatos_approximation() -> None:
    for workers, load in [(2, 0.8), (10, 0.9)]:
        offered = workers * load
        none = sum(offered**k / math.factorial(k) for k in range(workers))
        all_busy = offered**workers / math.factorial(workers) / (1 - load)
        mm = all_busy / (none + all_busy) / (workers - offered)  # Erlang C: M/M/c with service time 1
        factor = 1 + (1 - load) * (workers - 1) * (math.sqrt(4 + 5 * workers) - 2) / (16 * load * workers)
        assert capacity.simulate(offered, 1.0, workers).mean - 1 == pytest.approx(mm / 2 * factor, rel=0.06)


def test_the_smallest_sufficient_number_of_workers() -> None:
    workers, waits = capacity.workers_needed(4.0, 0.5, 1.5, 0.0)
    assert waits.p99 <= 1.5
    assert capacity.simulate(4.0, 0.5, workers).p99 == waits.p99
    with pytest.raises(ValueError, match="busy"):
        capacity.simulate(4.0, 0.5, workers - 1)
    tight, _ = capacity.workers_needed(4.0, 0.5, 0.51, 0.0)
    assert tight > workers
    assert capacity.simulate(4.0, 0.5, tight - 1).p99 > 0.51
    assert capacity.workers_needed(4.0, 0.5, 1.5, 0.5)[0] == 4
    with pytest.raises(ValueError, match="100%"):
        capacity.simulate(2.0, 1.0, 2)
    with pytest.raises(ValueError, match="alone takes"):
        capacity.workers_needed(4.0, 0.5, 0.5, 0.0)


REPORTS = {
    "soak": {"clip_s": 5.0, "peak": PEAK.report()},
    "throughput": {"seconds": 5.0, "server_clips_per_s": 2.0},
    "bench": {
        "results": {
            "decode tiny": {"engine_tokens_per_s": 900.0},
            "clips, beams 1": {"seconds": 5.0, "engine_clips_per_s": 3.0},
            "clips, beams 4": {"seconds": 5.0, "engine_clips_per_s": 2.0},
        }
    },
}


def test_the_rate_is_read_from_every_report() -> None:
    assert {kind: capacity.rate_of(report) for kind, report in REPORTS.items()} == dict.fromkeys(
        REPORTS, capacity.Rate(2.0, 5.0)
    )
    several = {"server_clips_per_s": 6.0, "seconds": 5.0, "workers": 3}
    assert capacity.rate_of(several) == capacity.Rate(2.0, 5.0)
    for report in REPORTS.values():
        with pytest.raises(ValueError, match="measured lengths in seconds: 5"):
            capacity.rate_of(report, 10.0)


def test_the_program_prints_the_number_of_workers(tmp_path: Path) -> None:
    report, output = tmp_path / "soak.json", tmp_path / "output.json"
    report.write_text(json.dumps(REPORTS["soak"]))
    command = [sys.executable, str(SCRIPT), str(report), "--hours-per-day", "24", "--p99", "2", "--json", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(output.read_text())["arrivals_per_s"] == pytest.approx(0.6)  # 3 x 17,280 clips of 5 s a day
    assert json.loads(output.read_text())["workers"] == 1
    command[command.index("2")] = "0.1"
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert refused.stderr.startswith("capacity: A clip alone takes")
