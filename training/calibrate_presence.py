"""Fit how a checkpoint decides whether what was asked for occurs: from its own log-odds and the audio tokens' evidence.

Queries and questions get a function each. `model.presence` says how it is used.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from model.audio.waveform import Waveform
from model.confidence import FLOOR
from model.engine.prompting import Question
from model.language.prompt import question_of
from model.pipeline import Pipeline
from model.presence import Presence, log_odds
from model.timeline.task import Task
from training.data.answers import by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.questions import Aim, training_wordings
from training.data.target_text import PresenceIds, PresenceTask, presence_ids
from training.data.vocabulary import UNKNOWN, vocabulary
from training.logistic import fit
from training.sources.queries import draw_query

NAMES: dict[PresenceTask, str] = {"ground": "queries", "ask": "questions"}

QUERIES_PER_SCENE = 3
"""The most queries for present kinds, and as many for absent ones."""


class PresenceSample(NamedTuple):
    """One query or question about one scene: the language model's log-odds of presence, the evidence, and the truth."""

    language: float
    evidence: float
    is_present: bool


def presence_samples(
    pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], task: PresenceTask, *, scenes: int, seed: int
) -> list[PresenceSample]:
    """Ask about present and absent kinds of `scenes` composed scenes, in equal numbers."""
    ids = presence_ids(pipeline.tokenizer, task)
    found = []
    for index in track(range(scenes), description=NAMES[task], console=Console(stderr=True)):
        rng = np.random.default_rng([seed, index])
        scene = compose(pool, configs[index % len(configs)], rng)
        asked = _questions(pipeline, scene, task, rng)
        pipeline.engine.run([question.sequence for question, _, _ in asked])
        for question, evidence, is_present in asked:
            language = _language_log_odds(question, ids)
            if language is not None:
                found.append(PresenceSample(language, evidence, is_present))
    return found


def fit_presence(samples: Sequence[PresenceSample], ids: PresenceIds) -> Presence | None:
    """Fit the function. Return None if the samples do not tell the two cases apart."""
    if len({sample.is_present for sample in samples}) < 2:
        return None
    bias, (language, evidence) = fit(
        np.array([[sample.language, sample.evidence] for sample in samples]),
        np.array([sample.is_present for sample in samples]),
        positive=np.array([True, True]),
    )
    return Presence(bias, language, evidence, *ids) if language > 0 else None


@dataclass(frozen=True, slots=True)
class PresenceQuality:
    """Shares of queries or questions that are answered right, by the language model alone and with the evidence."""

    present_alone: float
    absent_alone: float
    present: float
    absent: float


def measure_presence(presence: Presence, samples: Sequence[PresenceSample]) -> PresenceQuality:
    """Measure a fitted function on queries about other scenes."""
    language, evidence, is_present = (np.array(column) for column in zip(*samples, strict=True))
    together = language + np.array([presence.bias_of(value) for value in evidence])
    says = language > 0, together > 0
    (present_alone, absent_alone), (present, absent) = (
        (float(yes[is_present].mean()), float((~yes[~is_present]).mean())) for yes in says
    )
    return PresenceQuality(present_alone, absent_alone, present, absent)


def calibrate_presence(
    pipeline: Pipeline, pools: Sequence[Pool], configs: Sequence[SceneConfig], scenes: int, seed: int
) -> tuple[dict[Task, Presence], dict[str, Any]]:
    """Fit on the first pool how to decide about presence. Return the functions with what they do on the second."""
    fitted: dict[Task, Presence] = {}
    report: dict[str, Any] = {}
    for task in (task for task in NAMES if task in pipeline.tasks):
        fitted_on, measured_on = (
            presence_samples(pipeline, pool, configs, task, scenes=scenes, seed=seed + number)
            for number, pool in enumerate(pools)
        )
        presence = fit_presence(fitted_on, presence_ids(pipeline.tokenizer, task))
        if presence is None:
            continue
        fitted[task] = presence
        if measured_on:
            quality = measure_presence(presence, measured_on)
            print(
                f"{NAMES[task].capitalize()} answered right: present {quality.present:.1%}, absent {quality.absent:.1%}"
                f"; by the language model alone {quality.present_alone:.1%} and {quality.absent_alone:.1%}"
                f" ({len(measured_on)} {NAMES[task]})."
            )
            report[task] = {NAMES[task]: len(measured_on), **asdict(quality)}
    return fitted, {"presence": report}


def _questions(
    pipeline: Pipeline, scene: Scene, task: PresenceTask, rng: np.random.Generator
) -> list[tuple[Question, float, bool]]:
    recording = pipeline.encode(Waveform(scene.samples))
    present = by_kind(scene.events, len(scene.samples))
    known = [kind for kind in present if kind != UNKNOWN]
    absent = [kind for kind in vocabulary() if kind not in present]
    count = min(QUERIES_PER_SCENE, len(known))
    asked = []
    for kinds, is_present in ((known, True), (absent, False)):
        for place in rng.permutation(len(kinds))[:count]:
            text = _text(kinds[place], task, rng)
            question = pipeline.ask(recording, task, question_of("ground", text) if task == "ground" else text)
            asked.append((question, pipeline.evidence(recording, text), is_present))
    return asked


def _text(kind: str, task: PresenceTask, rng: np.random.Generator) -> str:
    if task == "ground":
        return draw_query(kind, rng)
    return presence_question(kind, rng)


def presence_question(kind: str, rng: np.random.Generator) -> str:
    """Draw a question whether, or when, a kind is heard."""
    aim: Aim = "yes_no" if rng.random() < 0.5 else "when"
    return training_wordings().draw(kind, aim, vocabulary()[kind].queries, rng)


def _language_log_odds(question: Question, ids: PresenceIds) -> float | None:
    """Return the model's log-odds of presence where the answer has one of the ids; None if it has none of them."""
    completion = question.sequence.completion
    assert completion is not None, "it was run to its end"
    for token, log_prob in zip(completion.ids, completion.grammar_log_probs, strict=False):
        if token == ids.absent or token in ids.present:
            return log_odds(max(FLOOR, log_prob), chosen=token != ids.absent)
    return None
