"""Measure a training step with the encoders, with their frames cached on disk, and with short examples packed.

    python -m benchmarks.stage_speed --steps 8

It runs the stage `adapt` on the embedded checkpoint, with scenes of 3, 6 and 12 s from the two bundled recordings. All
runs see the same rows in the same order and take turns, so that other work on the machine slows them equally. Figures
are medians of the steps after the first of each turn.
"""

import argparse
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.report import write_report
from training.data.composer import SceneConfig
from training.data.manifest import write_manifest
from training.data.pools import read_pool
from training.job import TrainingJob
from training.miniature import bundled
from training.run_log import read_log
from training.sources.tasks import compose_rows
from training.stage_command import resolve_checkpoint, run_stage
from training.stages import load_stage

RUNS: dict[str, tuple[bool, int]] = {
    "encoders": (False, 0),
    "kept frames": (True, 0),
    "kept frames, packed": (True, 512),
}
FIGURES = ("samples_per_s", "device_share", "feature_share", "padding_share")


def main() -> None:
    """Build the scenes, cache their frames, run all variants in turns, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8, help="steps per run and turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=24, help="scenes of each length (default: %(default)s)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = scenes(folder, arguments.scenes)
        settings = [
            f"steps = {arguments.steps}", "batch_size = 8", "micro_batch_size = 8", "evaluate_every = 0",
            "save_every = 100000",
        ]  # fmt: skip
        found: dict[str, dict[str, list[float]]] = {run: {figure: [] for figure in FIGURES} for run in RUNS}
        for turn in range(-1, arguments.turns):  # turn -1 fills the cache and warms up
            for run, (is_kept, packing) in RUNS.items():
                job = TrainingJob(
                    data=data, start=resolve_checkpoint("timeaudio-small"), run=folder / f"{turn} {run}",
                    out=folder / "checkpoint", cache=folder / "kept" if is_kept else None, device=arguments.device,
                )  # fmt: skip
                stage = load_stage("adapt", [*settings, f"packing = {packing}"])
                run_stage(job, replace(stage, seed=max(0, turn)))
                for line in list(read_log(job.run))[1:] if turn >= 0 else []:
                    for figure in FIGURES:
                        found[run][figure].append(line[figure])
    figures = {
        run: {figure: round(statistics.median(values), 3) for figure, values in some.items()}
        for run, some in found.items()
    }
    rate = {run: some["samples_per_s"] for run, some in figures.items()}
    write_report(
        {
            "setting": {"steps": arguments.steps, "turns": arguments.turns, "batch": 8, "command": sys.argv[1:]},
            "runs": figures,
            "kept frames, times as fast": round(rate["kept frames"] / rate["encoders"], 2),
            "packed, times as fast": round(rate["kept frames, packed"] / rate["kept frames"], 2),
        },
        arguments.json,
    )


def scenes(folder: Path, count: int) -> Path:
    """Write the scenes and return their manifest."""
    pool = read_pool([bundled(folder / "recordings")], "validate")
    rows = []
    for seconds in (3.0, 6.0, 12.0):
        scene = SceneConfig(seconds=seconds, max_events=3)
        rows += compose_rows(pool, folder / "audio", f"scene-{seconds:g}", scene, count=count, seed=3)
    write_manifest(folder / "scenes.jsonl", rows)
    return folder / "scenes.jsonl"


if __name__ == "__main__":
    main()
