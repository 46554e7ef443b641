"""A synthetic benchmark that anybody can run: composed scenes with fixed seeds and published definitions.

| part | scenes | what is asked |
|---|---|---|
| `dense` | 200 of 10 s, 1 to 4 events | dense captions |
| `grounding` | the same | for each, a kind that is there and one that is not |
| `questions` | the same | counts, durations, orders |
| `long` | 40 of 60 to 150 s | dense captions and groundings |
| `speech` | 40 talks | timelines; spoken by flite or espeak-ng, so the voice is not the same everywhere |

Recordings: ESC-50's layout, or `clips.csv` with `audio/`; by default fold 4 of the ten kinds of ESC-10, which the
embedded checkpoint never heard. An event is one placed recording, from its first to its last active sample.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.config import DataConfig
from training.data.composer import Pool, SceneConfig
from training.data.instructions import pick
from training.data.manifest import Row, Told, write_manifest
from training.data.pools import validation_pool
from training.data.recordings import DataError
from training.data.speaking import Engine, available, speak, speaker
from training.data.wav import write_wav
from training.sources.composed import ComposedConfig, compose_rows

SEED = 20_261
LONG_SECONDS = (60.0, 90.0, 120.0, 150.0)
PEOPLE = ("The mayor", "A teacher", "The captain", "Our neighbour", "The engineer", "A farmer", "The doctor", "A poet")
DEEDS = (
    "opened the new bridge", "planted a row of apple trees", "repaired the old clock", "wrote a letter to the council",
    "found a silver coin", "painted the garden fence", "closed the harbour early", "baked bread for the school",
)  # fmt: skip
DETAILS = (
    "Many people had come to see it.", "It took the whole morning.", "Nobody had asked for it.",
    "The weather was fine that day.", "Some said that it was about time.", "It had been planned for years.",
)  # fmt: skip


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `timeaudio data benchmark`."""
    command.description = __doc__
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("--recordings", type=Path, required=True, metavar="DIR", help="clips.csv or meta/esc50.csv")
    command.add_argument("--folds", type=int, nargs="+", default=[4])
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument("--scale", type=float, default=1.0, help="share of the scenes (default: %(default)s)")
    command.add_argument("--engine", choices=["espeak-ng", "flite", "tones"])
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the manifests and the recordings of every part."""
    pool = validation_pool(arguments.recordings, DataConfig(validation_folds=tuple(arguments.folds)))
    engine: Engine = arguments.engine or next(e for e in available() if e != "f5-tts")
    for name, count in write_benchmark(pool, arguments.out, engine, arguments.scale).items():
        print(f"{arguments.out / name}.jsonl: {count} lines.")
    return 0


def write_benchmark(pool: Pool, out: Path, engine: Engine, scale: float = 1.0) -> dict[str, int]:
    """The parts, by name, with how many rows each has.

    Raises:
        DataError: `scale` leaves nothing.
    """
    if not 0 < scale <= 1:
        raise DataError(f"--scale is a share above 0 and up to 1, not {scale:g}.")
    scenes = max(1, round(200 * scale))
    short = ComposedConfig(name="short", count=scenes, scene=SceneConfig(), seed=SEED)
    rows = list(compose_rows(pool, out / "audio", short))
    long: list[Row] = []
    for place, seconds in enumerate(LONG_SECONDS):
        scene = replace(SceneConfig(), seconds=seconds, min_events=4, max_events=12, repeat_probability=0.3)
        count = max(1, round(10 * scale))
        config = ComposedConfig(name=f"long-{seconds:g}", count=count, scene=scene, seed=SEED + 1 + place)
        long += compose_rows(pool, out / "audio", replace(config, questions=False))
    parts = {
        "dense": [row for row in rows if row.task == "dense_caption"],
        "grounding": [row for row in rows if row.task == "ground"],
        "questions": [row for row in rows if row.task == "ask"],
        "long": long,
        "speech": list(talks(out / "audio", engine, max(1, round(40 * scale)))),
    }
    return {name: write_manifest(out / f"{name}.jsonl", part) for name, part in parts.items()}


def talks(
    folder: Path, engine: Engine, count: int, *, points: tuple[int, int] = (2, 6), seed: int = SEED
) -> Iterator[Row]:
    """Short talks: each point is a sentence that says it, and one to three that add to it."""
    say = speaker(engine)
    for index in range(count):
        rng = np.random.default_rng([seed, 7, index])
        name = f"talk-{index:03d}"
        sentences: list[str] = []
        runs: list[tuple[str, int, int]] = []
        for _ in range(int(rng.integers(*points))):
            point = f"{rng.choice(PEOPLE)} {rng.choice(DEEDS)}."
            first = len(sentences)
            sentences += [point, *rng.choice(DETAILS, size=int(rng.integers(1, 4)), replace=False).tolist()]
            runs.append((point, first, len(sentences) - 1))
        samples, spans = speak(sentences, name, say)
        path = folder / f"{name}.wav"
        write_wav(path, samples)
        events = tuple(
            Told(((round(spans[first][0], 3), round(spans[last][1], 3)),), point) for point, first, last in runs
        )
        yield Row(
            id=name, audio=str(path.resolve()), task="summarize", events=events,
            duration=round(len(samples) / 16_000, 3), source=pick([f"talks, {engine}"]),
        )  # fmt: skip
