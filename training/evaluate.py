"""Score a checkpoint on scenes composed of held-out recordings, as a table and optionally as JSON."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from model.audio.waveform import Waveform
from model.errors import TimeAudioError
from model.language.prompt import question_of
from model.pipeline import Decoding, ParsedAnswer, Pipeline
from model.timeline.event import Event
from model.timeline.interval import Interval
from training.captioning import meteor_if_available, scene_captions
from training.data.answers import ABSENT, NO_EVENTS, by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose, plain_scenes
from training.data.draws import choose
from training.data.pools import read_pool
from training.data.recordings import DataError
from training.data.vocabulary import UNKNOWN, held_out_wordings, lexicon, vocabulary
from training.long_audio import EncodedPasses
from training.metrics.calibration import CalibrationSample
from training.metrics.captions import kind_of, says_unknown
from training.metrics.events import ScoredScene, Sound
from training.metrics.grounding import ScoredGrounding
from training.options.evaluate import PASS_S, is_about_manifest, parse
from training.question_report import score_questions
from training.question_report import show as show_questions
from training.scene_report import SceneReport, SceneResult, show
from training.score_command import main as score_manifest
from training.sources.scenes import LEAST_S, REALISTIC

RIGHT_IOU = 0.5
"""Minimum IoU at which an interval of the right kind counts as right."""

Present = Mapping[str, Sequence[Interval]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """How a checkpoint answers: decoding, wordings of the queries, length of a pass."""

    decoding: Decoding = Decoding()
    trained_wordings: bool = False
    """Whether queries use the wordings of training; by default they use held-out ones."""
    pass_tenths: int = 150


def evaluate_scene(
    pipeline: Pipeline, scene: Scene, rng: np.random.Generator, setting: EvaluationSettings
) -> SceneResult:
    """Ask for dense captions, a present kind and an absent kind; queries have random wordings."""
    began = time.perf_counter()
    waveform = Waveform(scene.samples)
    passes = EncodedPasses(pipeline, waveform, setting.pass_tenths)
    events, answers = passes.answers("dense_caption", question_of("dense_caption"), setting.decoding)
    seconds = time.perf_counter() - began
    present = by_kind(scene.events, len(scene.samples))
    known = [kind for kind in present if kind != UNKNOWN]
    absent = [kind for kind in vocabulary() if kind not in present]
    groundings = []
    for choice in (known, absent):
        if choice:
            kind = choose(choice, rng)
            query = question_of("ground", _query(kind, rng, trained=setting.trained_wordings))
            found, more = passes.answers("ground", query, setting.decoding)
            answers += more
            intervals = [interval for event in found for interval in event.intervals]
            groundings.append(ScoredGrounding(_spans(present.get(kind, ())), _spans(intervals)))
    reference = [Sound(k, i.start_s, i.end_s) for k in known for i in present[k]]
    predicted = [Sound(kind, i.start_s, i.end_s) for kind, i in named_intervals(events)]
    return SceneResult(
        ScoredScene(tuple(reference), tuple(predicted)),
        tuple(groundings),
        sum(not _is_readable(a) for a in answers),
        sum(i.end > waveform.duration_tenths for event in events for i in event.intervals),
        seconds,
        scene_captions(events, present),
        calibration_samples(events, present),
    )


def named_intervals(events: Sequence[Event]) -> list[tuple[str | None, Interval]]:
    """Return every interval with the kind its caption names. Captions that say the sound is unknown are left out."""
    found = [(event.caption, kind_of(event.caption, lexicon()), event.intervals) for event in events]
    return [(kind, i) for caption, kind, some in found if kind or not says_unknown(caption) for i in some]


def calibration_samples(events: Sequence[Event], present: Present) -> tuple[CalibrationSample, ...]:
    """Return every named interval that has a confidence, and whether it is right: same kind, IoU of at least 0.5."""
    return tuple(
        CalibrationSample(interval.confidence, is_right(interval, present.get(kind or "", ())))
        for kind, interval in named_intervals(events)
        if interval.confidence is not None
    )


def is_right(interval: Interval, true_intervals: Sequence[Interval]) -> bool:
    """Return whether the interval has an IoU of at least 0.5 with one of the true ones."""
    return any(interval.iou(other) >= RIGHT_IOU for other in true_intervals)


def _query(kind: str, rng: np.random.Generator, *, trained: bool) -> str:
    wordings = vocabulary()[kind].queries if trained else held_out_wordings()[kind]
    return choose(wordings, rng)


def _spans(intervals: Sequence[Interval]) -> tuple[tuple[float, float], ...]:
    return tuple((i.start_s, i.end_s) for i in intervals)


def _is_readable(answer: ParsedAnswer) -> bool:
    """Return whether all markers were parsed into intervals; without intervals, the text must be a fixed sentence."""
    if "<a_" in answer.text or "<f_" in answer.text:
        return False
    return bool(answer.events) or answer.text.strip() in (NO_EVENTS, ABSENT)


def evaluate(
    pipeline: Pipeline,
    pool: Pool,
    configs: Sequence[SceneConfig],
    setting: EvaluationSettings,
    *,
    scenes: int,
    seed: int,
) -> SceneReport:
    """Score `scenes` composed scenes, with the configs in turn. The same seed composes the same scenes."""
    results = []
    for index in track(range(scenes), description="scenes", console=Console(stderr=True)):
        rng = np.random.default_rng([seed, index])
        scene = compose(pool, configs[index % len(configs)], rng)
        results.append(evaluate_scene(pipeline, scene, rng, setting))
    plain = asdict(SceneConfig(seconds=configs[0].seconds))
    about = {
        "drawn": {name: value for name, value in asdict(configs[0]).items() if value != plain[name]},
        "model": pipeline.name, "scenes": scenes, "seconds": [config.seconds for config in configs], "seed": seed,
        "num_beams": setting.decoding.num_beams, "pass_seconds": setting.pass_tenths / 10,
        "wordings": "trained" if setting.trained_wordings else "held out", "machine": platform.machine(),
        "torch": torch.__version__, "threads": torch.get_num_threads(),
    }  # fmt: skip
    return SceneReport(tuple(results), about, tuple(kind for kind in pool.parts if kind in vocabulary()))


def main(argv: list[str] | None = None) -> int:
    """Run the command line: `timeaudio evaluate`. With a manifest, `training.score_command` runs instead."""
    given = sys.argv[1:] if argv is None else argv
    if is_about_manifest(given):
        return score_manifest(given)
    arguments = parse(given)
    try:
        _check_options(arguments)
        pool = _pool(arguments)
        pipeline = Pipeline.load(arguments.model)
        if arguments.questions and "ask" not in pipeline.tasks:
            raise DataError(
                f"--questions: {pipeline.name} was trained for {', '.join(pipeline.tasks)}, not for questions."
            )
    except (DataError, TimeAudioError) as error:
        print(f"timeaudio evaluate: {error}", file=sys.stderr)
        return 2
    configs = plain_scenes(arguments.seconds, max_events=arguments.max_events)
    if arguments.realistic:
        configs = [replace(REALISTIC, seconds=c.seconds, max_events=c.max_events) for c in configs]
    if arguments.questions:
        answers = score_questions(pipeline, pool, configs, scenes=arguments.scenes, seed=arguments.seed)
        show_questions(answers, Console())
        return _write(answers.to_json(), arguments.json)
    setting = EvaluationSettings(
        decoding=Decoding(num_beams=arguments.beams), trained_wordings=arguments.wordings == "trained",
        pass_tenths=round(arguments.pass_seconds * 10),
    )  # fmt: skip
    report = evaluate(pipeline, pool, configs, setting, scenes=arguments.scenes, seed=arguments.seed)
    if arguments.meteor:
        report = replace(report, meteor=meteor_if_available([pair for r in report.results for pair in r.caption_pairs]))
    show(report, Console())
    return _write(report.to_json(), arguments.json)


def _check_options(arguments: argparse.Namespace) -> None:
    if min(arguments.seconds) < LEAST_S:
        raise DataError(f"--seconds must be at least {LEAST_S:g}.")
    captions = {
        "--beams": arguments.beams != 1, "--wordings": arguments.wordings != "held-out", "--meteor": arguments.meteor,
        "--pass-seconds": arguments.pass_seconds != PASS_S,
    }  # fmt: skip
    if arguments.questions and (others := [name for name, is_given in captions.items() if is_given]):
        raise DataError(f"--questions changes nothing with {', '.join(others)}: leave one of them out.")


def _write(scores: dict[str, Any], path: Path | None) -> int:
    if path:
        path.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        print(f"Written to {path}.")
    return 0


def _pool(arguments: argparse.Namespace) -> Pool:
    ten = arguments.kinds == ["ten"]
    pool = read_pool(arguments.data, "validate", ten=ten, half=arguments.half)
    if ten or arguments.kinds == ["all"]:
        return pool
    unknown = [kind for kind in arguments.kinds if kind not in pool.parts]
    if unknown:
        raise DataError(f"No held-out recording has kind {', '.join(unknown)}; known: {', '.join(pool.parts)}.")
    return Pool({kind: pool.parts[kind] for kind in arguments.kinds}, pool.others)
