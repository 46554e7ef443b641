"""Measure `timeaudio find` on generated events: the time and the peak memory of each whole command.

    python benchmarks/find.py [--events 1000000] [--repeat 3] [--json FILE]

DuckDB generates the archive, ten events per recording, in the layout of `timeaudio batch`: nine captions in ten come
from the vocabulary, the tenth is a unique sentence. The queries are every kind, words, and words with limits; a pipe
reads the output. Target, with two idle cores: 95 % of the commands take under 1 s, and none over 500 MB.
"""

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import write_report

from timeaudio.archive.kinds import kinds

PER_RECORDING = 10
LIMITS = (
    ("bell 123457", "--words"),
    ("dog", "--min-confidence", "0.9"),
    ("siren", "--after", "2026-06-20", "--longer-than", "3"),
    ("a submarine surfaces",),
    ("rain", "--limit", "20"),
    ("animals", "--limit", "20"),
    ("water", "--limit", "20"),
    ("a dog in a tunnel",),
)


def generate(path: Path, num_events: int) -> None:
    """Write an archive."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
    captions = [(caption,) for entry in kinds().values() for caption in sorted(entry.phrases)[:8]]
    connection.execute("CREATE TABLE captions (caption VARCHAR)")
    connection.executemany("INSERT INTO captions VALUES (?)", captions)
    connection.execute(
        f"""
        COPY (
            SELECT printf('station%d/%07d.flac', recording % 20, recording) AS path, 'ok' AS status,
                NULL::VARCHAR AS error, NULL::VARCHAR AS detail,
                TIMESTAMP '2026-06-01' + to_minutes(recording) AS recorded_at, 'generated' AS model, 60.0 AS duration_s,
                list_transform(range({PER_RECORDING}), lambda place: {{
                    'start_s': place * 5 + 1.0,
                    'end_s': place * 5 + 1.0 + round(hash(recording, place, 1) % 40 / 10, 1),
                    'label': CASE WHEN hash(recording, place, 2) % 10 = 0
                        THEN 'A bell strikes ' || recording * {PER_RECORDING} + place || ' times.'
                        ELSE captions[1 + (hash(recording, place, 3) % {len(captions)})::BIGINT] END,
                    'confidence': hash(recording, place, 4) % 100 / 100
                }}) AS spans,
                '{{"id": "generated"}}' AS answer
            FROM range({num_events // PER_RECORDING}) AS recordings(recording),
                (SELECT list(caption) AS captions FROM captions)
        ) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 10000)
        """
    )


def measure(archive: Path, words: tuple[str, ...]) -> dict[str, float]:
    """Run one command. Return its seconds, its processor seconds, its peak MB and the number of its lines."""
    query, *options = words
    command = [sys.executable, "-m", "timeaudio", "find", query, str(archive), *options]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    num_lines = sum(1 for _ in process.stdout)
    process.stdout.close()
    _, _, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = 0  # wait4 has reaped the process
    return {
        "s": seconds,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "mb": usage.ru_maxrss / 1000,
        "lines": num_lines,
    }


def main() -> None:
    """Generate, measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "events.parquet")
        # Generate in another process: a child's peak memory starts at that of the process that starts it.
        generator = multiprocessing.get_context("spawn").Process(target=generate, args=(archive, arguments.events))
        generator.start()
        generator.join()
        queries = [(kind.replace("_", " "),) for kind in kinds()] + list(LIMITS)
        runs = [(words, measure(archive, words)) for _ in range(arguments.repeat) for words in queries]
        size_mb = archive.stat().st_size / 1e6
    from model.measure.suite import machine  # loads torch, so after the commands

    seconds = [run["s"] for _, run in runs]
    slowest = max(runs, key=lambda run: run[1]["s"])
    report = {
        "command": " ".join(["python", *sys.argv]),
        "machine": machine("cpu"),
        "load_average": os.getloadavg()[0],
        "events": arguments.events,
        "archive_mb": round(size_mb, 1),
        "commands": len(runs),
        "median_s": round(statistics.median(seconds), 3),
        "p95_s": round(statistics.quantiles(seconds, n=20)[-1], 3),
        "p95_cpu_s": round(statistics.quantiles([run["cpu_s"] for _, run in runs], n=20)[-1], 3),
        "slowest": {"query": " ".join(slowest[0]), **{name: round(value, 3) for name, value in slowest[1].items()}},
        "peak_mb": round(max(run["mb"] for _, run in runs)),
    }
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
