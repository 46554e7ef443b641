"""Fit a checkpoint's confidence on composed scenes, and measure it on others; `training.options.calibrate` says how."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from model.audio.waveform import Waveform
from model.checkpoint import CALIBRATION, WORDS
from model.confidence import FEATURES, Calibration, Logistic
from model.engine.prompting import Question
from model.errors import CheckpointError, TimeAudioError
from model.hub import fetch_checkpoint
from model.language.prompt import question_of
from model.pipeline import Pipeline
from model.timeline.interval import Interval
from model.timeline.task import Task
from training import calibrate_summaries
from training.calibrate_captions import known_captions
from training.calibrate_continuation import continuation_samples, fit_continuation, shares_right
from training.calibrate_presence import SCENES_PER_BATCH, calibrate_presence, presence_question, query_words
from training.calibration_report import TASKS, ScoredInterval, measure, show_quality
from training.data.answers import by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.draws import choose
from training.data.manifest import ManifestError
from training.data.pools import read_pool
from training.data.recordings import DataError
from training.data.target_text import another_id
from training.data.validate import read_manifest
from training.data.vocabulary import UNKNOWN, lexicon, vocabulary
from training.evaluate import is_right
from training.logistic import fit
from training.metrics.captions import kind_of, says_unknown
from training.options.calibrate import parse
from training.sources.scenes import REALISTIC
from training.word_map import fit_word_maps

CALIBRATION_SECONDS = (5.0, 10.0, 15.0, 15.0)
"""No longer than the default pass of the server (`TIMEAUDIO_PASSES__SECONDS`), because each pass is answered alone."""


class SceneQuestions:
    """A scene and its questions: dense captions, a present and an absent query, a question about presence or times."""

    def __init__(self, pipeline: Pipeline, scene: Scene, rng: np.random.Generator) -> None:
        recording = pipeline.encode(Waveform(scene.samples))
        self.present = by_kind(scene.events, len(scene.samples))
        known = [kind for kind in self.present if kind != UNKNOWN]
        absent = [kind for kind in vocabulary() if kind not in self.present]
        question = question_of("dense_caption")
        self.questions: list[tuple[Task, str, Question]] = [
            ("dense_caption", "", pipeline.ask(recording, "dense_caption", question))
        ]
        for kinds in (known, absent):
            if kinds:
                kind = choose(kinds, rng)
                query = question_of("ground", query_words(kind, rng))
                self.questions.append(("ground", kind, pipeline.ask(recording, "ground", query)))
        kinds = known if known and rng.random() < 0.5 else absent
        kind = choose(kinds, rng)
        self.questions.append(("ask", kind, pipeline.ask(recording, "ask", presence_question(kind, rng))))

    def intervals(self) -> Iterator[ScoredInterval]:
        """Yield every interval whose caption or query names a kind. Call this after the answers are decoded."""
        for task, query_kind, question in self.questions:
            answer, completion = question.answer(), question.sequence.completion
            assert completion is not None, "it was run to its end"
            features = question.features(answer.separate, completion.ids, completion.grammar_log_probs)
            for event, known in zip(answer.separate, features, strict=True):
                if task == "dense_caption" and says_unknown(event.caption):
                    continue
                kind = query_kind or kind_of(event.caption, lexicon()) or ""
                for interval, row in zip(event.intervals, known, strict=True):
                    yield ScoredInterval(task, row, is_right(interval, self._true_intervals(kind)))

    def _true_intervals(self, kind: str) -> Sequence[Interval]:
        return self.present.get(kind, ())


def scored_intervals(
    pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], *, scenes: int, seed: int
) -> list[ScoredInterval]:
    """Return all intervals of the answers about `scenes` composed scenes. The same seed composes the same scenes."""
    found: list[ScoredInterval] = []
    for first in track(range(0, scenes, SCENES_PER_BATCH), description="scenes", console=Console(stderr=True)):
        group = []
        for index in range(first, min(scenes, first + SCENES_PER_BATCH)):
            rng = np.random.default_rng([seed, index])
            group.append(SceneQuestions(pipeline, compose(pool, configs[index % len(configs)], rng), rng))
        pipeline.engine.run([question.sequence for scene in group for _, _, question in scene.questions])
        for scene in group:
            found += scene.intervals()
    return found


def calibrate(scored: Sequence[ScoredInterval]) -> Calibration:
    """Fit one function per task.

    Only the length may have a negative weight: more probable markers or words never lower a confidence.
    """
    found: dict[Task, Logistic] = {}
    for task in TASKS:
        rows = [row for row in scored if row.task == task]
        if len({row.is_right for row in rows}) == 2:
            bias, weights = fit(
                np.array([astuple(row.features) for row in rows]),
                np.array([row.is_right for row in rows]),
                positive=np.array([name != "length" for name in FEATURES]),
            )
            found[task] = Logistic(bias, weights)
    return Calibration(found)


def scene_configs() -> list[SceneConfig]:
    """Return the scene configs: half as in training, with unknown sounds, noise and silence; half plain mixtures."""
    return [
        *(replace(REALISTIC, seconds=seconds, min_events=0, other_share=0.3) for seconds in CALIBRATION_SECONDS),
        *(SceneConfig(seconds=seconds, other_share=0.15) for seconds in CALIBRATION_SECONDS),
    ]


def main(argv: list[str] | None = None) -> int:
    """Run the command line: `timeaudio calibrate`."""
    arguments = parse(argv)
    try:
        directory = fetch_checkpoint(arguments.model)
        out = arguments.out or directory / CALIBRATION
        if directory != arguments.model and arguments.out is None:
            raise CheckpointError(
                f"--model {arguments.model} is on the hub, and its copy in the cache must not change: add --out FILE."
            )
        if arguments.summaries:
            return calibrate_summaries.run(directory, arguments.summaries, out)
        captions = known_captions(row for manifest in arguments.captions for row in read_manifest(manifest))
        pools = [read_pool(arguments.data, "validate", half=half) for half in (0, 1)]
        pipeline = Pipeline.load(directory, calibrated=False, num_slots=4 * SCENES_PER_BATCH)
    except (DataError, ManifestError, TimeAudioError, OSError) as error:
        print(f"timeaudio calibrate: {error}", file=sys.stderr)
        return 2
    configs = scene_configs()
    words, pipeline.model.word_map = fit_word_maps(
        pipeline, pools[0], configs, scenes=arguments.scenes, seed=arguments.seed + 4
    )
    decisions, presence_report = calibrate_presence(
        pipeline, pools, configs,
        scenes=arguments.scenes, seed=arguments.seed + 2, false_alarms=arguments.false_alarms,
    )  # fmt: skip
    decisions = replace(decisions, captions=captions)
    pipeline.model.calibration = decisions
    if "ground" in decisions.occurrence:
        presence_report |= _fit_continuation(pipeline, decisions, pools, configs, arguments.scenes, arguments.seed + 6)
    fitted_on, measured_on = (
        scored_intervals(pipeline, pool, configs, scenes=arguments.scenes, seed=arguments.seed + number)
        for number, pool in enumerate(pools)
    )
    calibration = replace(decisions, tasks=calibrate(fitted_on).tasks | _summaries_of(directory))
    if not calibration.tasks:
        print("timeaudio calibrate: there are too few intervals to fit; raise --scenes.", file=sys.stderr)
        return 2
    rows = measure(calibration, measured_on)
    about = {
        "scenes": arguments.scenes, "seed": arguments.seed, "false_alarms": arguments.false_alarms,
        "fitted_on": len(fitted_on),
        **presence_report,
        "measured": [{k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(row).items()} for row in rows],
    }  # fmt: skip
    words.write(out.parent / WORDS)
    calibration.write(out, about)
    show_quality(rows, len(fitted_on))
    print(f"Written to {out} and {out.parent / WORDS}.")
    return 0


def _fit_continuation(
    pipeline: Pipeline, decisions: Calibration, pools: Sequence[Pool], configs: Sequence[SceneConfig],
    scenes: int, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Add the decision whether another interval follows to `decisions`; return how well it does on the second pool."""
    fitted_on, measured_on = (
        continuation_samples(pipeline, pool, configs, scenes=scenes, seed=seed + number)
        for number, pool in enumerate(pools)
    )
    continuation = fit_continuation(fitted_on, another_id(pipeline.tokenizer))
    if continuation is None or not measured_on:
        return {}
    decisions.continuation["ground"] = continuation
    alone, together = shares_right(continuation, measured_on)
    return {"continuation": {"intervals": len(measured_on), "right_alone": alone, "right": together}}


def _summaries_of(directory: Path) -> dict[Task, Logistic]:
    """Return the confidence of summaries from an earlier calibration, if there is one. Scenes do not change it."""
    try:
        before = Calibration.read(directory / CALIBRATION).tasks
    except CheckpointError:
        return {}
    return {task: logistic for task, logistic in before.items() if task == "summarize"}
