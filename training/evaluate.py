"""Measures a checkpoint on composed scenes: one table for people, one JSON file for machines."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from model.audio.waveform import Waveform
from model.errors import TimeAudioError
from model.pipeline import Answer, Decoding, Pipeline
from model.timeline.interval import Interval
from training.captioning import meteor_if_there, scene_captions
from training.config import DataConfig
from training.data.answers import ABSENT, NOTHING_HEARD, by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.more_words import lexicon
from training.data.pools import other_parts, validation_pool
from training.data.recordings import DataError
from training.data.tasks import draw_query
from training.data.words import WORDS
from training.metrics.captions import kind_of
from training.metrics.events import ScoredScene, Sound
from training.metrics.grounding import Grounding
from training.scene_report import Report, SceneResult, show
from training.score_command import command_line
from training.score_command import main as score_manifest

LEXICON = lexicon()

OTHER_SHARE = 0.75
"""Share of the events of `--all-kinds` that are not of the ten kinds: about as many of each."""


def evaluate_scene(
    pipeline: Pipeline, scene: Scene, rng: np.random.Generator, decoding: Decoding, kinds: Sequence[str] = tuple(WORDS)
) -> SceneResult:
    """Ask for dense captions, for a kind that is there, and for one of `kinds` that is not; in wordings at random."""
    began = time.perf_counter()
    waveform = Waveform(scene.samples)
    recording = pipeline.encode(waveform)
    answers = [pipeline.dense_caption(recording, decoding)]
    seconds = time.perf_counter() - began
    present = by_kind(scene.events, len(scene.samples))
    absent = [k for k in kinds if k not in present]
    groundings = []
    for choice in (list(present), absent):
        if choice:
            kind = choice[int(rng.integers(len(choice)))]
            answer = pipeline.ground(recording, draw_query(kind, rng), decoding)
            answers.append(answer)
            groundings.append(Grounding(_spans(present.get(kind, ())), _spans(answer.intervals)))
    reference = [Sound(k, i.start_s, i.end_s) for k, intervals in present.items() for i in intervals]
    predicted = [
        Sound(kind_of(event.caption, LEXICON), i.start_s, i.end_s)
        for event in answers[0].events
        for i in event.intervals
    ]
    return SceneResult(
        ScoredScene(tuple(reference), tuple(predicted)),
        tuple(groundings),
        sum(not _is_readable(a) for a in answers),
        sum(i.end > waveform.duration_tenths for a in answers for i in a.intervals),
        seconds,
        scene_captions(answers[0], present),
    )


def _spans(intervals: Sequence[Interval]) -> tuple[tuple[float, float], ...]:
    return tuple((i.start_s, i.end_s) for i in intervals)


def _is_readable(answer: Answer) -> bool:
    """Every marker became part of an interval, and an answer without intervals says so in the words for it."""
    if "<a_" in answer.text or "<f_" in answer.text:
        return False
    return bool(answer.events) or answer.text.strip() in (NOTHING_HEARD, ABSENT)


def evaluate(
    pipeline: Pipeline, pool: Pool, config: SceneConfig, *, scenes: int, seed: int, decoding: Decoding
) -> Report:
    """Scores over `scenes` composed scenes; the same seed composes the same ones."""
    results = []
    kinds = (*pool.parts, *pool.others)
    for index in track(range(scenes), description="scenes", console=Console(stderr=True)):
        rng = np.random.default_rng([seed, index])
        results.append(evaluate_scene(pipeline, compose(pool, config, rng), rng, decoding, kinds))
    setting = {
        "model": pipeline.name, "scenes": scenes, "seconds": config.seconds, "seed": seed,
        "num_beams": decoding.num_beams, "machine": platform.machine(), "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    return Report(tuple(results), setting, kinds)


def main(argv: list[str] | None = None) -> int:
    """The command line: `timeaudio evaluate`; on a manifest, `training.score_command`'s."""
    given = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(given):
        print(command_line().format_help() + "\n\nOr on scenes that are composed for it:\n")
    elif any(word.endswith(".jsonl") or word.startswith("--predictions") for word in given):
        return score_manifest(given)
    parser = argparse.ArgumentParser(prog="timeaudio evaluate", description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder with clips.csv or meta/esc50.csv, and audio/; or a manifest (.jsonl)",
    )
    parser.add_argument("--model", type=Path, help="checkpoint directory (default: the embedded timeaudio-tiny)")
    parser.add_argument("--scenes", type=int, default=200, help="scenes to compose (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a scene (default: %(default)s)")
    parser.add_argument("--max-events", type=int, default=4, help="most events in a scene (default: %(default)s)")
    parser.add_argument(
        "--all-kinds",
        action="store_true",
        help="of all kinds, not of the ten best-known ones alone: three of four events are others",
    )
    parser.add_argument("--folds", type=int, nargs="+", default=[4], help="folds to compose from (default: 4)")
    parser.add_argument("--seed", type=int, default=7, help="of the scenes (default: %(default)s)")
    parser.add_argument("--beams", type=int, default=1, help="1 is greedy (default: %(default)s)")
    parser.add_argument("--meteor", action="store_true", help="METEOR 1.5 of captions; needs timeaudio[field] and Java")
    parser.add_argument("--json", type=Path, help="file to write the scores to")
    arguments = parser.parse_args(argv)
    try:
        pool = validation_pool(arguments.data, DataConfig(validation_folds=tuple(arguments.folds)))
        if arguments.all_kinds:
            pool = Pool(pool.parts, other_parts(arguments.data, "held out"))
        pipeline = Pipeline.load(arguments.model)
    except (DataError, TimeAudioError) as error:
        print(f"timeaudio evaluate: {error}", file=sys.stderr)
        return 2
    config = replace(
        SceneConfig(), seconds=arguments.seconds, max_events=arguments.max_events,
        other_share=OTHER_SHARE * arguments.all_kinds,
    )  # fmt: skip
    decoding = Decoding(num_beams=arguments.beams)
    report = evaluate(pipeline, pool, config, scenes=arguments.scenes, seed=arguments.seed, decoding=decoding)
    if arguments.meteor:
        report = replace(report, meteor=meteor_if_there([pair for r in report.results for pair in r.told]))
    show(report, Console())
    if arguments.json:
        arguments.json.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
        print(f"Written to {arguments.json}.")
    return 0
