"""Score any system's predictions, or a checkpoint's answers, on a manifest: `timeaudio evaluate`."""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model.errors import TimeAudioError
from model.pipeline import Decoding, Pipeline
from training.data.manifest import ManifestError, Row
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.options.evaluate import manifest_parser
from training.predictions import Prediction, read_predictions
from training.scoring import Score, score
from training.variants import generate_answers, load_pipeline
from training.word_errors import word_scores


def _show(scores: Sequence[Score], title: str) -> None:
    """Print the scores as a table."""
    table = Table(title=title)
    for name in ("score", "%", "95 % interval", "over", ""):
        table.add_column(name, justify="left" if name in ("score", "") else "right")
    for s in scores:
        between = "" if s.low is None or s.high is None else f"{100 * s.low:.1f} - {100 * s.high:.1f}"
        value = "-" if math.isnan(s.value) else f"{100 * s.value:.1f}"
        table.add_row(s.name, value, between, str(s.count), escape(s.note))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def to_json(scores: Sequence[Score]) -> dict[str, object]:
    """Return the scores by name. The value is None where the score could not be computed."""
    return {s.name: asdict(s) | {"value": None if math.isnan(s.value) else s.value} for s in scores}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    arguments = manifest_parser().parse_args(argv)
    try:
        rows = read_manifest(arguments.data)
        if arguments.words:
            return _score_words(arguments, rows)
        if arguments.predictions:
            predictions = read_predictions(arguments.predictions, rows)
            name = arguments.predictions.name
        else:
            pipeline = load_pipeline(arguments.model, arguments.device, beams=arguments.beams)
            predictions = generate_answers(
                pipeline, rows, arguments.data.parent, Decoding(num_beams=arguments.beams),
                grammar=not arguments.no_grammar, windows=arguments.windows,
            )  # fmt: skip
            name = pipeline.name
            rows = _rows_of_trained_tasks(rows, pipeline)
    except (DataError, ManifestError, TimeAudioError, OSError) as error:
        print(f"timeaudio evaluate: {error}", file=sys.stderr)
        return 2
    scores = score(rows, predictions)
    missing = sum(row.id not in predictions for row in rows)
    if missing:
        print(f"{missing} of {len(rows)} lines have no prediction; they count as empty answers.")
    if cut := sum(prediction.is_cut for prediction in predictions.values()):
        print(f"{cut} answers reached the token limit and were cut.")
    _show(scores, f"{name} on {arguments.data.name}")
    if arguments.save:
        lines = (json.dumps(_line(row_id, p), ensure_ascii=False) for row_id, p in predictions.items())
        arguments.save.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    _write_json(arguments.json, {"system": name, "manifest": str(arguments.data), "lines": len(rows),
                                 "missing": missing}, scores)  # fmt: skip
    return 0


def _score_words(arguments: argparse.Namespace, rows: list[Row]) -> int:
    """Score what the checkpoint recognises as words, not its answers."""
    pipeline = load_pipeline(arguments.model, arguments.device)
    scores = word_scores(pipeline, rows, arguments.data.parent)
    _show(scores, f"Words that {pipeline.name} recognises in {arguments.data.name}")
    _write_json(arguments.json, {"system": pipeline.name, "manifest": str(arguments.data), "lines": len(rows)}, scores)
    return 0


def _write_json(path: Path | None, setting: Mapping[str, object], scores: Sequence[Score]) -> None:
    if path:
        body = {"setting": setting, "scores": to_json(scores)}
        path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def _rows_of_trained_tasks(rows: list[Row], pipeline: Pipeline) -> list[Row]:
    kept = [row for row in rows if row.task in pipeline.tasks]
    if not kept:
        raise DataError(f"{pipeline.name} was trained for {', '.join(pipeline.tasks)}; the manifest has no such line.")
    if len(kept) < len(rows):
        print(f"{len(rows) - len(kept)} lines are of tasks that {pipeline.name} was not trained for; leaving them out.")
    return kept


def _line(row_id: str, prediction: Prediction) -> dict[str, object]:
    events = [
        {"intervals": [list(i) for i in e.intervals], "caption": e.caption}
        | ({"confidence": [round(c, 4) for c in confidences]} if confidences else {})
        for e, confidences in zip(prediction.events, prediction.confidences, strict=True)
    ]
    return {"id": row_id, "events": events, "answer": prediction.text}
