"""Fits a checkpoint's confidence on scenes of held-out recordings, and measures it on scenes of others.

The held-out recordings are split in two by their source. Scenes are composed from each half; the model answers on
them; what it claims is compared with what was placed. An interval is right where its kind is and its IoU with an event
of that kind is 0.5 or more; in grounding the kind is the query's, and half of the queries are of absent kinds. With
`--bulletins` the confidence of summaries is fitted too, on those of half of the voices (`training/told_of_speech.py`).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from model.audio.waveform import Waveform
from model.checkpoint import CALIBRATION
from model.confidence import FEATURES, Calibration, Features, Logistic
from model.errors import TimeAudioError
from model.language.prompt import question_of
from model.pipeline import Pipeline
from model.timeline.interval import Interval
from model.timeline.task import Task
from model.timeline.vocabulary import Vocabulary
from training.config import DataConfig
from training.data import tasks
from training.data.answers import by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.manifest import ManifestError
from training.data.pools import halves
from training.data.recordings import DataError
from training.data.words import WORDS
from training.logistic import fit
from training.metrics.calibration import Claim, expected_calibration_error
from training.metrics.captions import kind_of
from training.told import RIGHT_IOU, Told, intervals_of
from training.told_of_speech import hear_speech

LEXICON = {kind: words.keywords for kind, words in WORDS.items()}
TASKS: tuple[Task, ...] = ("dense_caption", "ground", "summarize")
TOGETHER = 8
"""Scenes whose answers are written side by side."""
SCENES_HELP = "scenes of 10 s to measure on; half as many are fitted on (default: %(default)s)"


class Heard:
    """One scene, and three questions about it: dense captions, and grounding of a present and of an absent kind."""

    def __init__(self, pipeline: Pipeline, scene: Scene, rng: np.random.Generator) -> None:
        recording = pipeline.encode(Waveform(scene.samples))
        self.present = by_kind(scene.events, len(scene.samples))
        self.asked = [("", pipeline.ask(recording, "dense_caption", question_of("dense_caption")))]
        for kinds in (list(self.present), [kind for kind in WORDS if kind not in self.present]):
            if kinds:
                kind = kinds[int(rng.integers(len(kinds)))]
                query = question_of("ground", tasks.draw_query(kind, rng))
                self.asked.append((kind, pipeline.ask(recording, "ground", query)))

    def told(self, vocabulary: Vocabulary) -> Iterator[Told]:
        """Every interval of the answers, once they are written."""
        for queried, question in self.asked:
            task: Task = "ground" if queried else "dense_caption"
            for event, interval, features in intervals_of(question, vocabulary, task):
                kind = queried or kind_of(event.caption, LEXICON)
                yield Told(task, features, _is_right(interval, self.present.get(kind or "", ())))


def _is_right(interval: Interval, events: Sequence[Interval]) -> bool:
    return any(interval.iou(event) >= RIGHT_IOU for event in events)


def hear(pipeline: Pipeline, pool: Pool, config: SceneConfig, *, scenes: int, seed: int) -> list[Told]:
    """All that is told about `scenes` composed scenes; the same seed composes the same ones."""
    found: list[Told] = []
    for first in track(range(0, scenes, TOGETHER), description="scenes", console=Console(stderr=True)):
        group = []
        for index in range(first, min(scenes, first + TOGETHER)):
            rng = np.random.default_rng([seed, index])
            group.append(Heard(pipeline, compose(pool, config, rng), rng))
        pipeline.engine.run([question.sequence for heard in group for _, question in heard.asked])
        for heard in group:
            found += heard.told(pipeline.tokenizer.vocabulary)
    return found


def calibrate(told: Sequence[Told]) -> Calibration:
    """A function per task. More certain markers or words never make it less sure: their weights are not negative."""
    found: dict[Task, Logistic] = {}
    for task in TASKS:
        rows = [row for row in told if row.task == task]
        if len({row.is_right for row in rows}) == 2:
            bias, weights = fit(
                np.array([astuple(row.features) for row in rows]),
                np.array([row.is_right for row in rows]),
                positive=np.array([name != "length" for name in FEATURES]),
            )
            found[task] = Logistic(bias, weights)
    return Calibration(found)


@dataclass(frozen=True, slots=True)
class Row:
    """What a calibration is worth on some intervals; `raw` is the mean probability of the interval's times alone."""

    task: str
    intervals: int
    right: float
    mean: float
    raw_ece: float | None
    ece: float | None
    auc: float | None


def measure(calibration: Calibration, told: Sequence[Told]) -> list[Row]:
    """One row per task, and one for all together."""
    rows = []
    for name, chosen in (*((task, [t for t in told if t.task == task]) for task in TASKS), ("all", list(told))):
        known = [(calibration.tasks[t.task](t.features), t) for t in chosen if t.task in calibration.tasks]
        if known:
            sure, right = np.array([p for p, _ in known]), np.array([t.is_right for _, t in known])
            rows.append(
                Row(
                    name,
                    len(known),
                    float(right.mean()),
                    float(sure.mean()),
                    expected_calibration_error([Claim(_raw(t.features), t.is_right) for _, t in known]),
                    expected_calibration_error([Claim(p, t.is_right) for p, t in known]),
                    _auc(sure, right),
                )
            )
    return rows


def _raw(features: Features) -> float:
    return float(np.exp((features.start + features.end) / 2))


def _auc(sure: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]") -> float | None:
    """How often a right interval is surer than a wrong one; ties count half."""
    ours, others = sure[right], sure[~right]
    if not len(ours) or not len(others):
        return None
    return float(((ours[:, None] > others) + 0.5 * (ours[:, None] == others)).mean())


def main(argv: list[str] | None = None) -> int:
    """The command line: `timeaudio calibrate`."""
    parser = argparse.ArgumentParser(prog="timeaudio calibrate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv or meta/esc50.csv, and audio/")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint directory; calibration.json goes into it")
    parser.add_argument("--scenes", type=int, default=700, help=SCENES_HELP)
    parser.add_argument("--max-events", type=int, default=4, help="most events in a scene (default: %(default)s)")
    parser.add_argument("--folds", type=int, nargs="+", default=[4], help="folds to compose from (default: 4)")
    parser.add_argument("--seed", type=int, default=11, help="of the scenes (default: %(default)s)")
    parser.add_argument(
        "--bulletins", type=Path, metavar="FILE", help="speech.jsonl of `timeaudio data bulletins`: fit summaries too"
    )
    parser.add_argument(
        "--talk", type=Path, metavar="DIR", help="with it, recordings of other speech: what is told of them is wrong"
    )
    parser.add_argument("--told", type=Path, help="file that keeps what was told, and is read instead where it exists")
    arguments = parser.parse_args(argv)
    if arguments.talk is not None and arguments.bulletins is None:
        parser.error("--talk goes with --bulletins: of other speech alone nothing is right")
    try:
        fitted_on, measured_on = _both_halves(arguments)
    except (DataError, ManifestError, TimeAudioError, OSError) as error:
        print(f"timeaudio calibrate: {error}", file=sys.stderr)
        return 2
    calibration = calibrate(fitted_on)
    if not calibration.tasks:
        print("timeaudio calibrate: too little was told to fit anything; raise --scenes.", file=sys.stderr)
        return 2
    rows = measure(calibration, measured_on)
    about = {
        "scenes": arguments.scenes, "seed": arguments.seed, "folds": arguments.folds, "fitted_on": len(fitted_on),
        "measured": [{k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(row).items()} for row in rows],
    }  # fmt: skip
    calibration.write(arguments.model / CALIBRATION, about)
    _show(rows, len(fitted_on))
    print(f"Written to {arguments.model / CALIBRATION}.")
    return 0


def _both_halves(arguments: argparse.Namespace) -> tuple[list[Told], list[Told]]:
    kept: Path | None = arguments.told
    setting = {
        "model": str(arguments.model.resolve()), "scenes": arguments.scenes, "seed": arguments.seed,
        "folds": arguments.folds, "max_events": arguments.max_events,
    }  # fmt: skip
    setting |= {name: str(path) for name in ("bulletins", "talk") if (path := getattr(arguments, name)) is not None}
    if kept is not None and kept.is_file():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if stored["setting"] != setting:
            raise DataError(f"{kept} was told under {stored['setting']}, not {setting}: name another file with --told.")
        one, other = ([Told(task, Features(*known), right) for task, known, right in half] for half in stored["halves"])
        return one, other
    pools = halves(arguments.data, DataConfig(validation_folds=tuple(arguments.folds)))
    pipeline = Pipeline.load(arguments.model, num_slots=3 * TOGETHER)
    config = replace(SceneConfig(), max_events=arguments.max_events)
    one, other = (
        hear(pipeline, pool, config, scenes=scenes, seed=arguments.seed + number)
        for number, (pool, scenes) in enumerate(zip(pools, (arguments.scenes // 2, arguments.scenes), strict=True))
    )
    if arguments.bulletins is not None:
        speech = hear_speech(pipeline, arguments.bulletins, arguments.talk)
        one, other = one + speech[0], other + speech[1]
    if kept is not None:
        both = [[(t.task, astuple(t.features), t.is_right) for t in half] for half in (one, other)]
        kept.write_text(json.dumps({"setting": setting, "halves": both}), encoding="utf-8")
    return one, other


def _show(rows: Sequence[Row], num_fitted: int) -> None:
    table = Table(title=f"Fitted on {num_fitted} intervals; measured on others, of other sources")
    for column in ("task", "intervals", "right %", "mean confidence %", "raw ECE", "ECE", "AUC"):
        table.add_column(column, justify="left" if column == "task" else "right")
    for row in rows:
        numbers = (f"{v:.3f}" if v is not None else "-" for v in (row.raw_ece, row.ece, row.auc))
        table.add_row(row.task, str(row.intervals), f"{100 * row.right:.1f}", f"{100 * row.mean:.1f}", *numbers)
    Console().print(table)
