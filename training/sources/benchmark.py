"""Write a reproducible synthetic benchmark: composed scenes with fixed seeds and published definitions.

| part | scenes | questions |
|---|---|---|
| `dense` | 200 of 10 s, 1 to 4 events | dense captions |
| `grounding` | the same | for each, up to two present kinds or groups of kinds, and up to two absent ones |
| `questions` | the same | for each, whether a kind is present, and a count, a duration, an order or a moment |
| `long` | 40 of 60 to 150 s | dense captions and groundings |

Recordings: ESC-50's layout, or `clips.csv` with `audio/`; fold 4 of the ten kinds of ESC-10, on which the embedded
checkpoint was not trained. Scenes use `SceneConfig`'s defaults (`training/data/composer.py`): events are at -32 to
-14 dB relative to full scale, and 30 % of the long ones are cut. Half of the events avoid overlap, if fifteen tries
find a place. One in eight has a kind that the scene already has, at least 0.5 s from it. 60 % of the scenes have noise
at -68 to -42 dB. An event is the part of a recording whose RMS over 100 ms is within 30 dB of its loudest.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from training.data.composer import Pool, SceneConfig
from training.data.manifest import Row, write_manifest
from training.data.pools import read_pool
from training.data.recordings import DataError
from training.sources.tasks import compose_rows

SEED = 20_261
LONG_SECONDS = (60.0, 90.0, 120.0, 150.0)


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `timeaudio data benchmark`."""
    command.description = __doc__
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("--recordings", type=Path, nargs="+", required=True, metavar="DIR", help="labelled data")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument("--scale", type=float, default=1.0, help="share of the scenes (default: %(default)s)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the manifests and the recordings of every part."""
    pool = read_pool(arguments.recordings, "validate", ten=True)
    for name, count in write_benchmark(pool, arguments.out, arguments.scale).items():
        print(f"{arguments.out / name}.jsonl: {count} lines.")
    return 0


def write_benchmark(pool: Pool, out: Path, scale: float = 1.0) -> dict[str, int]:
    """Write the parts. Return the number of rows of each part by name.

    Raises:
        DataError: `scale` is not above 0 and at most 1.
    """
    if not 0 < scale <= 1:
        raise DataError(f"--scale must be above 0 and at most 1, not {scale:g}.")
    scenes = max(1, round(200 * scale))
    rows = list(compose_rows(pool, out / "audio", "short", SceneConfig(), count=scenes, seed=SEED))
    long: list[Row] = []
    for place, seconds in enumerate(LONG_SECONDS):
        scene = replace(SceneConfig(), seconds=seconds, min_events=4, max_events=12, repeat_probability=0.3)
        count = max(1, round(10 * scale))
        found = compose_rows(pool, out / "audio", f"long-{seconds:g}", scene, count=count, seed=SEED + 1 + place)
        long += [row for row in found if row.task != "ask"]
    # Ask for dense captions only with the server's question, not also in other words.
    rows, long = ([row for row in some if not row.id.endswith("-captions")] for some in (rows, long))
    parts = {
        "dense": [row for row in rows if row.task == "dense_caption"],
        "grounding": [row for row in rows if row.task == "ground"],
        "questions": [row for row in rows if row.task == "ask"],
        "long": long,
    }
    return {name: write_manifest(out / f"{name}.jsonl", part) for name, part in parts.items()}
