"""Measure how far answers change when the language model computes in fewer bits or in a batch.

    python benchmarks/precision.py [--model DIR] [--scenes 60] [--batch 8] [--seed 1]

Scenes of 6 to 14 s mix both bundled recordings at random positions, levels and lengths, over noise. The reference is
float32, one scene at a time. Interval F1 counts an interval as the same if it has the same caption (or query) and both
times equal to the tenth ("exact"), or an IoU of 0.5 ("IoU 0.5"). Prints a table and a JSON object. int8 and int4 need
the `quantize` extra.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.checkpoint import EMBEDDED, load_checkpoint
from model.errors import CheckpointError
from model.language.prompt import question_of
from model.pipeline import Decoding, Pipeline, Recording
from model.timeline.interval import Interval
from model.timeline.task import Task

RECORDINGS = sorted((Path(__file__).parents[1] / "server" / "recordings").glob("*.flac"))
QUERIES = ("a dog barking", "a rooster crowing", "rain")
Found = list[tuple[str, Interval]]


def scenes(count: int, seed: int) -> Iterator[Waveform]:
    """Yield scenes of both recordings, cut, scaled and placed at random, over noise."""
    clips = [decode_audio(path.read_bytes(), max_seconds=60.0).samples for path in RECORDINGS]
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        samples = rng.normal(0, 0.002, int(rng.uniform(6, 14) * SAMPLE_RATE)).astype(np.float32)
        for clip in clips:
            for _ in range(int(rng.integers(0, 3))):
                piece = clip[: int(rng.uniform(0.4, 1.0) * len(clip))] * rng.uniform(0.2, 1.0)
                start = int(rng.integers(0, len(samples) - len(piece)))
                samples[start : start + len(piece)] += piece.astype(np.float32)
        yield Waveform(samples.clip(-1, 1))


def questions() -> list[tuple[Task, str, str]]:
    """Return each task, its question, and the label of the answer's intervals (empty: their own captions)."""
    grounding: list[tuple[Task, str, str]] = [("ground", question_of("ground", query), query) for query in QUERIES]
    return [("dense_caption", question_of("dense_caption"), ""), *grounding]


def answers(pipeline: Pipeline, recordings: list[Recording], batch: int, decoding: Decoding) -> list[Found]:
    """Answer every question about every recording through the engine, `batch` of them at once."""
    found = []
    for task, words, about in questions():
        for first in range(0, len(recordings), batch):
            group = recordings[first : first + batch]
            group_questions = [pipeline.ask(recording, task, words, decoding) for recording in group]
            pipeline.engine.run([question.sequence for question in group_questions])
            for question in group_questions:
                events = question.answer().events
                found.append([(about or event.caption, i) for event in events for i in event.intervals])
    return found


def interval_f1(ours: list[Found], theirs: list[Found], least_iou: float) -> float:
    """Return F1 over all answers, pairing intervals greedily by best overlap. 1 if neither side has any."""
    paired = total = 0
    for mine, other in zip(ours, theirs, strict=True):
        total += len(mine) + len(other)
        pairs = sorted(((iou(a, b), i, j) for i, a in enumerate(mine) for j, b in enumerate(other)), reverse=True)
        left, right = set(range(len(mine))), set(range(len(other)))
        for overlap, i, j in pairs:
            if overlap >= least_iou and i in left and j in right:
                left.remove(i)
                right.remove(j)
                paired += 1
    return 2 * paired / total if total else 1.0


def iou(a: tuple[str, Interval], b: tuple[str, Interval]) -> float:
    """Return the IoU of two intervals with the same label; 0 if the labels differ."""
    if a[0] != b[0]:
        return 0.0
    together = min(a[1].end, b[1].end) - max(a[1].start, b[1].start)
    return max(0, together) / (a[1].end - a[1].start + b[1].end - b[1].start - together)


def main() -> int:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    decoding = Decoding()
    base = Pipeline(*load_checkpoint(arguments.model, dtype=torch.float32))
    recordings = [base.encode(scene) for scene in scenes(arguments.scenes, arguments.seed)]
    expected = answers(base, recordings, 1, decoding)
    rows = []
    for name, dtype, quantize, batch in (
        ("float32, batched", torch.float32, None, arguments.batch),
        ("bfloat16", torch.bfloat16, None, 1),
        ("bfloat16, batched", torch.bfloat16, None, arguments.batch),
        ("int8", torch.float32, "int8", 1),
        ("int4", torch.float32, "int4", 1),
    ):
        try:
            pipeline = Pipeline(*load_checkpoint(arguments.model, dtype=dtype, quantize=quantize), num_slots=batch)
        except CheckpointError as error:
            print(f"{name}: skipped. {error}", file=sys.stderr)
            continue
        found = answers(pipeline, recordings, batch, decoding)
        rows.append(
            {
                "what": name,
                "exact_f1": interval_f1(expected, found, 1.0),
                "iou50_f1": interval_f1(expected, found, 0.5),
                "same_answers": float(np.mean([a == b for a, b in zip(expected, found, strict=True)])),
            }
        )
    count = sum(map(len, expected))
    print(f"{arguments.model.name}: {len(expected)} answers about {arguments.scenes} scenes, {count} intervals.")
    print("against float32, one by one   exact F1   F1 at IoU 0.5   same answers")
    for row in rows:
        print(f"{row['what']:28}  {row['exact_f1']:9.3f}   {row['iou50_f1']:13.3f}   {row['same_answers']:12.3f}")
    print(json.dumps({"rows": rows, "intervals": count, "batch": arguments.batch, "torch": torch.__version__}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
