"""Measure how many decoding steps drafts save, and how much time, on scenes of the bundled recordings.

    python benchmarks/drafts.py [--model DIR] [--scenes 24] [--seed 1] [--json FILE]

Each scene gets dense captions and three queries, one at a time, with drafts and without, in turn. The first half of the
scenes only fills the memory of earlier answers; the figures are for the second half. Prints a JSON object.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from precision import questions, scenes

from model.checkpoint import EMBEDDED
from model.engine.drafts import Drafter
from model.pipeline import Pipeline, Recording


def decode(pipeline: Pipeline, recording: Recording, drafter: Drafter | None) -> tuple[int, int, float, list[str]]:
    """Return steps, tokens, seconds and texts of all answers about a recording."""
    engine, steps = pipeline.engine, pipeline.engine.num_steps
    engine.drafter = drafter
    began = time.perf_counter()
    answers = [pipeline.answer(recording, task, words) for task, words, _ in questions()]
    seconds = time.perf_counter() - began
    return (
        engine.num_steps - steps,
        sum(answer.num_completion_tokens for answer in answers),
        seconds,
        [answer.text for answer in answers],
    )


def main() -> int:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pipeline = Pipeline.load(arguments.model, num_slots=1)
    drafter = Drafter()
    rows = []
    for number, scene in enumerate(scenes(arguments.scenes, arguments.seed)):
        recording = pipeline.encode(scene)
        order = (drafter, None) if number % 2 else (None, drafter)
        sides = {which is not None: decode(pipeline, recording, which) for which in order}
        if number >= arguments.scenes // 2:
            rows.append((sides[True], sides[False]))
    saved = 1 - sum(a[0] for a, _ in rows) / sum(b[0] for _, b in rows)
    faster = [b[2] / a[2] for a, b in rows]
    report = {
        "scenes": len(rows), "tokens": sum(b[1] for _, b in rows), "steps_saved": round(saved, 3),
        "times_as_fast": round(statistics.median(faster), 2), "least": round(min(faster), 2),
        "most": round(max(faster), 2),
        "same_answers": sum(a == b for one, other in rows for a, b in zip(one[3], other[3], strict=True)),
        "answers": sum(len(a[3]) for a, _ in rows), "dtype": str(pipeline.model.llm.dtype), "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    print(json.dumps(report, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
