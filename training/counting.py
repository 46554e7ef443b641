"""Measure how well a checkpoint counts, on scenes in which one kind occurs one to five times, equally often.

`python -m training.counting --data DIR`
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from model.audio.waveform import Waveform
from model.errors import TimeAudioError
from model.pipeline import Decoding, Pipeline
from training.data.answers import by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.instructions import COUNT_INSTRUCTIONS
from training.data.pools import read_pool
from training.data.recordings import DataError
from training.data.vocabulary import vocabulary
from training.metrics.counting import count_in

COUNTS = (1, 2, 3, 4, 5)
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class CountResult:
    """One question: the true count, and the count in the answer; None where the answer names no number."""

    count: int
    predicted: int | None


def counting_scene(pool: Pool, count: int, rng: np.random.Generator) -> tuple[Scene, str]:
    """Compose a 20 s scene in which one kind occurs `count` times, at least half a second apart, with up to two others.

    Long recordings are cut so that five of them fit. Returns the scene and the kind.
    """
    config = replace(SceneConfig(), seconds=SECONDS, cut_probability=0.9)
    while True:
        most = count + int(rng.integers(0, 3))
        repeats = 1.0 if most == count else 0.7
        scene = compose(pool, replace(config, min_events=count, max_events=most, repeat_probability=repeats), rng)
        intervals_by_kind = by_kind(scene.events, len(scene.samples))
        kinds = [kind for kind, intervals in intervals_by_kind.items() if len(intervals) == count]
        if kinds:
            return scene, kinds[int(rng.integers(len(kinds)))]


def count_questions(pipeline: Pipeline, pool: Pool, *, each: int, seed: int, decoding: Decoding) -> list[CountResult]:
    """Ask about `each` scenes of every count, in one of six wordings. The same seed gives the same questions."""
    results = []
    for number in track(range(each * len(COUNTS)), description="questions", console=Console(stderr=True)):
        rng = np.random.default_rng([seed, 9, number])
        count = COUNTS[number % len(COUNTS)]
        scene, kind = counting_scene(pool, count, rng)
        question = str(rng.choice(COUNT_INSTRUCTIONS)).format(query=vocabulary()[kind].queries[0])
        recording = pipeline.encode(Waveform(scene.samples))
        results.append(CountResult(count, count_in(pipeline.answer(recording, "ask", question, decoding).text)))
    return results


def accuracy(results: list[CountResult]) -> float:
    """Return the share of questions with the right number. Always answering the same number scores 0.2."""
    return sum(c.count == c.predicted for c in results) / len(results)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.counting", description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="labelled recordings")
    parser.add_argument("--model", type=Path, help="checkpoint, also on the hub (default: the embedded one)")
    parser.add_argument("--each", type=int, default=20, help="questions per count (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the scenes (default: %(default)s)")
    arguments = parser.parse_args(argv)
    try:
        pool = read_pool(arguments.data, "validate", ten=True)
        pipeline = Pipeline.load(arguments.model)
        results = count_questions(pipeline, pool, each=arguments.each, seed=arguments.seed, decoding=Decoding())
    except (DataError, TimeAudioError) as error:
        print(f"python -m training.counting: {error}", file=sys.stderr)
        return 2
    for count in COUNTS:
        subset = [c for c in results if c.count == count]
        print(f"{count}: {100 * accuracy(subset):.0f} % of {len(subset)} right")
    print(f"all: {100 * accuracy(results):.1f} % of {len(results)} right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
