"""Fit how a checkpoint decides whether a query occurs, from its own log-odds and from the evidence of the audio tokens.

`model.presence` says how the fitted function is used.
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
from training.data.answers import by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.target_text import presence_ids
from training.data.vocabulary import UNKNOWN, vocabulary
from training.logistic import fit
from training.sources.queries import draw_query

QUERIES_PER_SCENE = 3
"""The most queries for present kinds, and as many for absent ones."""


class PresenceSample(NamedTuple):
    """One query about one scene: the language model's log-odds that it occurs, the evidence, and the truth."""

    language: float
    evidence: float
    is_present: bool


def presence_samples(
    pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], *, scenes: int, seed: int
) -> list[PresenceSample]:
    """Query `scenes` composed scenes for present and absent kinds, in equal numbers."""
    ids = presence_ids(pipeline.tokenizer)
    found = []
    for index in track(range(scenes), description="queries", console=Console(stderr=True)):
        rng = np.random.default_rng([seed, index])
        scene = compose(pool, configs[index % len(configs)], rng)
        asked = _queries(pipeline, scene, rng)
        pipeline.engine.run([question.sequence for question, _, _ in asked])
        for question, evidence, is_present in asked:
            language = _language_log_odds(question, ids)
            if language is not None:
                found.append(PresenceSample(language, evidence, is_present))
    return found


def fit_presence(samples: Sequence[PresenceSample], tokens: tuple[int, int]) -> Presence | None:
    """Fit the function. Return None if the samples do not tell the two cases apart."""
    if len({sample.is_present for sample in samples}) < 2:
        return None
    bias, (language, evidence) = fit(
        np.array([[sample.language, sample.evidence] for sample in samples]),
        np.array([sample.is_present for sample in samples]),
        positive=np.array([True, True]),
    )
    return Presence(bias, language, evidence, tokens) if language > 0 else None


@dataclass(frozen=True, slots=True)
class PresenceQuality:
    """Shares of queries that are answered right, by the language model alone and with the evidence."""

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
) -> tuple[Presence | None, dict[str, Any]]:
    """Fit on the first pool how to decide whether a query occurs. Return it with what it does on the second."""
    if "ground" not in pipeline.tasks:
        return None, {}
    fitted_on, measured_on = (
        presence_samples(pipeline, pool, configs, scenes=scenes, seed=seed + number)
        for number, pool in enumerate(pools)
    )
    presence = fit_presence(fitted_on, presence_ids(pipeline.tokenizer))
    if presence is None or not measured_on:
        return presence, {}
    quality = measure_presence(presence, measured_on)
    print(
        f"Queries answered right: present {quality.present:.1%}, absent {quality.absent:.1%}; by the language model "
        f"alone {quality.present_alone:.1%} and {quality.absent_alone:.1%} ({len(measured_on)} queries)."
    )
    return presence, {"presence": {"queries": len(measured_on), **asdict(quality)}}


def _queries(pipeline: Pipeline, scene: Scene, rng: np.random.Generator) -> list[tuple[Question, float, bool]]:
    recording = pipeline.encode(Waveform(scene.samples))
    present = by_kind(scene.events, len(scene.samples))
    known = [kind for kind in present if kind != UNKNOWN]
    absent = [kind for kind in vocabulary() if kind not in present]
    count = min(QUERIES_PER_SCENE, len(known))
    asked = []
    for kinds, is_present in ((known, True), (absent, False)):
        for place in rng.permutation(len(kinds))[:count]:
            query = draw_query(kinds[place], rng)
            question = pipeline.ask(recording, "ground", question_of("ground", query))
            asked.append((question, pipeline.evidence(recording, query), is_present))
    return asked


def _language_log_odds(question: Question, ids: tuple[int, int]) -> float | None:
    """Return the model's log-odds of the first of two ids where the answer has one of them; None if it has neither."""
    completion = question.sequence.completion
    assert completion is not None, "it was run to its end"
    for token, log_prob in zip(completion.ids, completion.grammar_log_probs, strict=False):
        if token in ids:
            return log_odds(max(FLOOR, log_prob), chosen=token == ids[0])
    return None
