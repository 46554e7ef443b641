"""Run an ablation: all rows train in the same way except for one setting. `training.options.ablate` lists the sets."""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from model.pipeline import Decoding
from training.ablation_sets import SETS, Variant
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.job import TrainingJob, check_stage_config
from training.options.ablate import parse
from training.paper_tables import COLUMNS, Numbers, show, table_row
from training.score_command import to_json
from training.scoring import score
from training.stage_command import MISTAKES, resolve_checkpoint, run_stage
from training.stage_data import FeatureExtractor
from training.stages import load_stage
from training.stop_signals import Stopped
from training.variants import generate_answers, load_pipeline

PAPERS_TABLE = {"components": 3, "ratio": 4}
STAGE_OF = dict.fromkeys(("ratio", "merge-score", "decoding"), "paper-2")
SHOWN = (*COLUMNS, ("ground absent accuracy", "absent"))
"""Columns of `table.md`: the paper's, and the share of absent queries that are answered as absent."""


def ablate(
    variants: Sequence[Variant], base: TrainingJob, stage: str, overrides: list[str], test: Path
) -> dict[str, Numbers]:
    """Train and score every variant that has no scores yet. Write `table.md`, with confidence intervals.

    Variants that differ only in decoding share one training run.

    Raises:
        DataError: the run's folder holds scores of other data, another checkpoint or another stage.
    """
    rows = read_manifest(test)
    found: dict[str, dict[str, Any]] = {}
    for variant in variants:
        trained = "-".join(_slug(s) for s in variant.settings) or "plain"
        run, scores = base.run / trained, base.run / f"{_slug(variant.name)}.json"
        config = load_stage(stage, [*overrides, *variant.settings])
        job = replace(base, run=run, out=run / "checkpoint")
        if scores.is_file() or (job.out / "config.json").is_file():  # otherwise run_stage checks, after the manifest
            check_stage_config(job, config)
        setting = {"variant": variant.name, "test": hashlib.sha256(test.read_bytes()).hexdigest()}
        if not scores.is_file():
            if not (job.out / "config.json").is_file():
                run_stage(job, config)
            pipeline = load_pipeline(job.out, base.device)
            decoding = Decoding()
            encodes_again = base.cache is None or variant.windows
            source = test.parent if encodes_again else FeatureExtractor(pipeline.model, test.parent, base.cache)
            predictions = generate_answers(
                pipeline, rows, source, decoding, grammar=variant.grammar, windows=variant.windows
            )  # fmt: skip
            cut = sum(prediction.is_cut for prediction in predictions.values())
            body = {"setting": setting, "answers cut": cut, "scores": to_json(score(rows, predictions))}
            scores.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
        stored = json.loads(scores.read_text(encoding="utf-8"))
        if stored["setting"] != setting:
            raise DataError(
                f"{scores} belongs to another test manifest: choose another folder with --run, or delete it."
            )
        if stored["answers cut"]:
            print(f"{variant.name}: {stored['answers cut']} of {len(rows)} answers were cut.", file=sys.stderr)
        found[variant.name] = stored["scores"]
    (base.run / "table.md").write_text(as_markdown(found), encoding="utf-8")
    return {f"ours: {name}": table_row(scores) for name, scores in found.items()}


def as_markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a table of the scores that all rows have, in percent, with 95 % bootstrap intervals."""
    columns = [(name, title) for name, title in SHOWN if all(name in scores for scores in found.values())]
    lines = [["row", *[title for _, title in columns]], ["---", *["---:"] * len(columns)]]
    lines += [[row, *[_cell(scores[name]) for name, _ in columns]] for row, scores in found.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(score: Mapping[str, Any]) -> str:
    if score["value"] is None:
        return "-"
    low, high = score["low"], score["high"]
    return f"{100 * score['value']:.1f}" + ("" if low is None else f" ({100 * low:.0f} to {100 * high:.0f})")


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() or c == "." else "-" for c in text).strip("-")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line: `timeaudio ablate SET`."""
    arguments = parse(argv)
    run = arguments.run or Path("runs") / f"ablate-{arguments.set}"
    try:
        base = TrainingJob(
            data=arguments.data, start=resolve_checkpoint(arguments.start), run=run, out=run, cache=arguments.cache,
            device=arguments.device,
        )  # fmt: skip
        stage = arguments.stage or STAGE_OF.get(arguments.set, "paper-1")
        table = ablate(SETS[arguments.set], base, stage, arguments.changes, arguments.test)
    except MISTAKES as error:
        print(f"timeaudio ablate: {error}", file=sys.stderr)
        return 2
    except Stopped as stop:
        print(f"timeaudio ablate: {stop}. Run the same command again to resume.", file=sys.stderr)
        return stop.status
    show(PAPERS_TABLE.get(arguments.set), table, Console(width=None if sys.stdout.isatty() else 140))
    return 0
