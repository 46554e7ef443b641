"""Write a reproducible synthetic benchmark; `training.options.data` describes its parts."""

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
