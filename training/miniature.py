"""Run the paper's pipeline on a small scale: data of all four tasks, both stages, and the scores beside the paper's.

This tests the machinery, not quality: two bundled recordings make all scenes, an installed engine reads a few short
articles aloud, and both stages take a few steps. The command fails if a loss does not fall. `make miniature` runs it.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from training.data.composer import SceneConfig
from training.data.manifest import Row, write_manifest
from training.data.pools import read_pool
from training.data.tts import available_engines, make_synthesiser
from training.data.voices import Engine
from training.job import TrainingJob
from training.paper_tables import main as compare
from training.run_log import read_log
from training.score_command import main as evaluate
from training.sources.cnn_dailymail import read_articles, timelines
from training.sources.tasks import compose_rows
from training.stage_command import resolve_checkpoint, run_stage
from training.stages import StageConfig, load_stage

RECORDINGS = Path(__file__).parents[1] / "server" / "recordings"
KINDS = {"dog-barking.flac": "dog", "rooster-crowing.flac": "rooster"}
NEWS = (
    ("The mayor opened a new bridge on Monday. Many people had come to see it.", "A bridge was opened by the mayor"),
    ("A storm broke a crane in the harbour last night. Nobody was hurt.", "A storm broke a crane in the harbour"),
    ("The museum sold its oldest painting. The money pays for a new roof.", "The museum sold an old painting"),
    ("Two pilots flew round the island in a balloon. It took them a day.", "A balloon went round the island"),
    ("A farmer found silver coins in a field. He gave them to the school.", "Silver coins were found by a farmer"),
    ("The train to the coast stood still for hours. Snow lay on the rails.", "Snow stopped the train to the coast"),
    ("The orchestra plays in the park this summer. Every concert is free.", "The orchestra plays free concerts"),
    ("A lost dog came home after three weeks. It had crossed two rivers.", "A lost dog came home"),
)
"""Short news items with their highlights. An article is made of two to four."""


def build(folder: Path, engine: Engine, scale: float = 1.0) -> dict[str, Path]:
    """Write the manifests of both stages and of the test, with their recordings. Return their paths.

    `scale` is the share of the data to make. The test has scenes of its own.
    """
    pool = read_pool([bundled(folder / "recordings")], "validate")
    audio = folder / "audio"
    short = SceneConfig(seconds=6.0, max_events=3)
    long = replace(short, seconds=45.0, min_events=3, max_events=6)

    def scenes(name: str, count: int, scene: SceneConfig, seed: int) -> list[Row]:
        return list(compose_rows(pool, audio, name, scene, count=_share(count, scale), seed=seed))

    def speech(name: str, count: int, seed: int) -> list[Row]:
        articles = read_articles(_articles(folder / f"{name}-articles.jsonl", _share(count, scale), seed))
        return list(timelines(articles, audio, make_synthesiser(engine)))

    train_speech, test_speech = speech("spoken", 16, 1), speech("heard", 4, 2)
    parts = {
        "stage-1": [*scenes("one", 48, short, 1), *[row for row in train_speech if (row.duration or 0.0) <= 30]],
        "stage-2": [*scenes("two", 8, long, 2), *train_speech],
        "test": [*scenes("test", 8, short, 3), *test_speech],
    }
    for name, rows in parts.items():
        write_manifest(folder / f"{name}.jsonl", rows)
    return {name: folder / f"{name}.jsonl" for name in parts}


def _articles(path: Path, count: int, seed: int) -> Path:
    """Write `count` articles in the format of CNN/DailyMail 3.0.0."""
    rng = np.random.default_rng(seed)
    lines = []
    for place in range(count):
        chosen = [NEWS[n] for n in rng.permutation(len(NEWS))[: int(rng.integers(2, 5))]]
        texts, highlights = (list(parts) for parts in zip(*chosen, strict=True))
        article = {"id": f"{path.stem}-{place}", "article": " ".join(texts), "highlights": "\n".join(highlights)}
        lines.append(json.dumps(article) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def bundled(folder: Path) -> Path:
    """Copy the two recordings of the package to `folder`, as a data set of fold 4."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    lines = ["filename,category,fold,subset,source"]
    for name, kind in KINDS.items():
        shutil.copy(RECORDINGS / name, folder / "audio" / name)
        lines.append(f"{name},{kind},4,esc10,{name}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _share(count: int, scale: float) -> int:
    return max(1, round(count * scale))


def stages(steps: int) -> dict[str, StageConfig]:
    """Return the paper's two stages with few steps, small batches and rates for a small model."""
    small = [
        f"steps = {steps}", "batch_size = 8", "micro_batch_size = 8", "activation_checkpointing = false",
        "evaluate_every = 0", "save_every = 1000", "learning_rate = 1e-3", "warmup_steps = 5",
    ]  # fmt: skip
    return {"stage-1": load_stage("paper-1", small), "stage-2": load_stage("paper-2", [*small, "learning_rate = 5e-4"])}


def quarter_losses(run: Path) -> tuple[float, float]:
    """Return the median loss of the first and of the last quarter of a run. Medians ignore single hard batches."""
    losses = [line["loss"] for line in read_log(run) if "loss" in line]
    quarter = max(1, len(losses) // 4)
    return median(losses[:quarter]), median(losses[-quarter:])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line: `make miniature`, `python -m training.miniature`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/miniature"), help="overwritten (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=60, help="steps of each stage (default: %(default)s)")
    arguments = parser.parse_args(argv)
    began = time.monotonic()
    out: Path = arguments.out
    for name in ("recordings", "audio", "stage-1-run", "stage-2-run", "stage-1", "stage-2"):
        shutil.rmtree(out / name, ignore_errors=True)
    engine = next(e for e in available_engines() if e != "f5-tts")
    manifests = build(out, engine)
    print(f"Made data of all four tasks, with speech by {engine}: {time.monotonic() - began:.0f} s.", flush=True)
    start, failed = resolve_checkpoint("timeaudio-small"), []
    for name, config in stages(arguments.steps).items():
        run = out / f"{name}-run"
        job = TrainingJob(
            data=manifests[name], start=start, run=run, out=out / name, cache=out / "features", device="cpu"
        )
        run_stage(job, config)
        before, after = quarter_losses(run)
        print(f"{name}: loss {before:.2f} -> {after:.2f}, {time.monotonic() - began:.0f} s.", flush=True)
        failed += [] if after < before else [name]
        start = out / name
    scores = out / "miniature.json"
    status = evaluate(["--data", str(manifests["test"]), "--model", str(start), "--json", str(scores)])
    compare([str(scores), "--table", "2"])
    print(f"{time.monotonic() - began:.0f} s in total. These scores show only that the pipeline runs.")
    if failed:
        print(f"The loss of {', '.join(failed)} did not fall.", file=sys.stderr)
    return 1 if failed else status


if __name__ == "__main__":
    sys.exit(main())
