"""Compare the CPU time of eight queries about one 30 s recording, in one request and in eight.

    python benchmarks/shared_recording.py [--model DIR] [--queries 8] [--seconds 30] [--repeats 3] [--json FILE]

Both run through one session, all requests at once, so the eight share batches as far as possible. Target: a ratio of 3.
"""

import argparse
import statistics
import time
from pathlib import Path

from report import write_report

from model.audio.waveform import Waveform
from model.engine.session import Session
from model.engine.updates import Answered
from model.measure.clips import noises
from model.measure.suite import machine
from model.pipeline import Pipeline
from model.task_params import TaskParams

QUERIES = (
    "a dog barks", "a rooster crows", "rain", "sea waves", "a crying baby", "a clock ticks", "someone sneezes",
    "a helicopter", "a chainsaw", "a crackling fire",
)  # fmt: skip


def cpu_seconds(session: Session, waveform: Waveform, requests: list[list[str]]) -> tuple[float, list[str]]:
    """Return the CPU time of all requests together, and the texts of their answers."""
    texts = {}
    began = time.process_time()
    for queries in requests:
        session.submit(waveform, TaskParams(task="ground", queries=tuple(queries)))
    while not session.is_idle:
        for request, update in session.step():
            if isinstance(update, Answered):
                texts[request.questions[update.index]] = update.answer.text
    return time.process_time() - began, [texts[question] for question in sorted(texts)]


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--queries", type=int, default=8, choices=range(1, len(QUERIES) + 1))
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    session = Pipeline.load(arguments.model, num_slots=16).session()
    [waveform] = noises(1, arguments.seconds)
    queries = list(QUERIES[: arguments.queries])
    ways = {"one_request": [queries], "several_requests": [[query] for query in queries]}
    cpu_seconds(session, waveform, ways["one_request"])
    runs = [
        {way: cpu_seconds(session, waveform, given) for way, given in ways.items()} for _ in range(arguments.repeats)
    ]
    seconds = {way: statistics.median(run[way][0] for run in runs) for way in ways}
    report = {
        "machine": machine("cpu"),
        "queries": len(queries),
        "audio_s": arguments.seconds,
        "cpu_s": seconds,
        "ratio": seconds["several_requests"] / seconds["one_request"],
        "same_answers": all(run["one_request"][1] == run["several_requests"][1] for run in runs),
    }
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
