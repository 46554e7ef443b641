"""Fit how a checkpoint decides whether a sound occurs (from its log-odds and evidence) and when (from the evidence).

Queries and questions get two functions each. `model.presence` says how they are used.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from model.audio.waveform import Waveform
from model.confidence import FLOOR, Calibration
from model.engine.prompting import Question, word_ids
from model.evidence import Evidence
from model.language.decoding import Decoding
from model.language.prompt import question_of
from model.pipeline import Pipeline
from model.presence import Occurrence, Presence, log_odds
from training.data.answers import by_kind
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.draws import choose
from training.data.questions import Aim, training_wordings
from training.data.target_text import PresenceIds, PresenceTask, presence_ids
from training.data.vocabulary import UNKNOWN, vocabulary
from training.logistic import fit
from training.sources.queries import draw_query
from training.word_map import withheld_words

NAMES: dict[PresenceTask, str] = {"ground": "queries", "ask": "questions"}

DECIDED = Decoding(max_new_tokens=12)
"""The first tokens of an answer decide whether a sound occurs."""
SCENES_PER_BATCH = 8
"""Scenes whose answers are decoded in one batch."""
QUERIES_PER_SCENE = 3
"""Maximum number of queries for present kinds; absent kinds get as many."""


class SceneQuery(NamedTuple):
    """A query or question about a scene; `occurs`: whether its sound occurs in each tenth of a second."""

    question: Question
    evidence: Evidence
    occurs: list[bool]


class PresenceSample(NamedTuple):
    """One query or question about one scene.

    Attributes:
        language: the language model's log-odds of presence.
        evidence: the evidence of the whole recording.
        similarities: the evidence of each tenth of a second.
        occurs: whether the sound occurs in each tenth of a second.
    """

    language: float
    evidence: float
    similarities: Sequence[float]
    occurs: Sequence[bool]

    @property
    def is_present(self) -> bool:
        """Whether the sound occurs at all."""
        return any(self.occurs)


def presence_samples(
    pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], task: PresenceTask, *, scenes: int, seed: int
) -> list[PresenceSample]:
    """Ask about present and absent kinds of `scenes` composed scenes, in equal numbers."""
    ids = presence_ids(pipeline.tokenizer, task)
    found = []
    for first in track(range(0, scenes, SCENES_PER_BATCH), description=NAMES[task], console=Console(stderr=True)):
        asked = []
        for index in range(first, min(first + SCENES_PER_BATCH, scenes)):
            rng = np.random.default_rng([seed, index])
            scene = compose(pool, configs[index % len(configs)], rng)
            asked += scene_queries(pipeline, scene, task, rng, DECIDED)
        pipeline.engine.run([question.sequence for question, _, _ in asked])
        for question, evidence, occurs in asked:
            language = _language_log_odds(question, ids)
            words = word_ids(pipeline.tokenizer, question.query)
            if language is not None:
                found.append(PresenceSample(language, evidence(words), evidence.by_tenth(words) or (), occurs))
    return found


def fit_presence(samples: Sequence[PresenceSample], ids: PresenceIds, false_alarms: float) -> Presence | None:
    """Fit the function. Return None if the samples or the log-odds do not tell the two cases apart.

    The bias is lowered until the function calls at most a share `false_alarms` of the absent samples present.
    """
    if len({sample.is_present for sample in samples}) < 2:
        return None
    rows = np.array([[sample.language, sample.evidence] for sample in samples])
    is_present = np.array([sample.is_present for sample in samples])
    bias, weights = fit(rows, is_present, positive=np.array([True, True]))
    highest = np.quantile(bias + rows[~is_present] @ np.array(weights), 1 - false_alarms)
    language, evidence = weights
    return Presence(bias - max(0.0, float(highest)), language, evidence, *ids) if language > 0 else None


def fit_occurrence(samples: Sequence[PresenceSample]) -> Occurrence | None:
    """Fit the function to every tenth of a second of the recordings with a sound; None if none or all have it."""
    present = [sample for sample in samples if sample.is_present and sample.similarities]
    occurs = np.array([value for sample in present for value in sample.occurs], dtype=bool)
    if len(set(occurs.tolist())) < 2:
        return None
    rows = np.array([[value, sample.evidence] for sample in present for value in sample.similarities])
    bias, (evidence, whole) = fit(rows, occurs, positive=np.array([False, False]))
    return Occurrence(bias, evidence, whole)


@dataclass(frozen=True, slots=True)
class PresenceQuality:
    """Shares of queries or questions that are answered right, by the language model alone and with the evidence."""

    present_alone: float
    absent_alone: float
    present: float
    absent: float


def measure_presence(presence: Presence, samples: Sequence[PresenceSample]) -> PresenceQuality:
    """Measure a fitted function on queries about other scenes."""
    rows = [(sample.language, sample.evidence, sample.is_present) for sample in samples]
    language, evidence, is_present = (np.array(column) for column in zip(*rows, strict=True))
    together = language + np.array([presence.bias_of(value) for value in evidence])
    says = language > 0, together > 0
    (present_alone, absent_alone), (present, absent) = (
        (float(yes[is_present].mean()), float((~yes[~is_present]).mean())) for yes in says
    )
    return PresenceQuality(present_alone, absent_alone, present, absent)


def calibrate_presence(
    pipeline: Pipeline,
    pools: Sequence[Pool],
    configs: Sequence[SceneConfig],
    *,
    scenes: int,
    seed: int,
    false_alarms: float,
) -> tuple[Calibration, dict[str, Any]]:
    """Fit both functions on the first pool. Return them, and how well presence does on the second."""
    fitted = Calibration({})
    report: dict[str, Any] = {}
    for task in (task for task in NAMES if task in pipeline.tasks):
        fitted_on, measured_on = (
            presence_samples(pipeline, pool, configs, task, scenes=scenes, seed=seed + number)
            for number, pool in enumerate(pools)
        )
        presence = fit_presence(fitted_on, presence_ids(pipeline.tokenizer, task), false_alarms)
        if presence is None:
            continue
        fitted.presence[task] = presence
        if occurrence := fit_occurrence(fitted_on):
            fitted.occurrence[task] = occurrence
        if measured_on:
            quality = measure_presence(presence, measured_on)
            print(
                f"{NAMES[task].capitalize()} answered right: present {quality.present:.1%}, absent {quality.absent:.1%}"
                f"; by the language model alone {quality.present_alone:.1%} and {quality.absent_alone:.1%}"
                f" ({len(measured_on)} {NAMES[task]})."
            )
            report[task] = {NAMES[task]: len(measured_on), **asdict(quality)}
    return fitted, {"presence": report}


def scene_queries(
    pipeline: Pipeline, scene: Scene, task: PresenceTask, rng: np.random.Generator, decoding: Decoding | None = None
) -> list[SceneQuery]:
    """Queue questions about present and absent kinds of a scene, in equal numbers."""
    recording = pipeline.encode(Waveform(scene.samples))
    present = by_kind(scene.events, len(scene.samples))
    known = [kind for kind in present if kind != UNKNOWN]
    absent = [kind for kind in vocabulary() if kind not in present]
    count = min(QUERIES_PER_SCENE, len(known))
    asked = []
    for kinds in (known, absent):
        for place in rng.permutation(len(kinds))[:count]:
            kind = kinds[place]
            text = query_words(kind, rng) if task == "ground" else presence_question(kind, rng)
            asks = question_of("ground", text) if task == "ground" else text
            question = pipeline.ask(recording, task, asks, decoding)
            spans = present.get(kind, ())
            occurs = [any(i.start <= tenth < i.end for i in spans) for tenth in range(recording.duration)]
            asked.append(SceneQuery(question, pipeline.evidence(recording), occurs))
    return asked


def query_words(kind: str, rng: np.random.Generator) -> str:
    """Draw a query for a kind. Half of the queries use words that neither the language model nor the map has seen."""
    return choose(withheld_words(kind), rng) if rng.random() < 0.5 else draw_query(kind, rng)


def presence_question(kind: str, rng: np.random.Generator) -> str:
    """Draw a question about whether, or when, a kind is heard."""
    aim: Aim = "yes_no" if rng.random() < 0.5 else "when"
    nouns = withheld_words(kind) if rng.random() < 0.5 else vocabulary()[kind].queries
    return training_wordings().draw(kind, aim, nouns, rng)


def _language_log_odds(question: Question, ids: PresenceIds) -> float | None:
    """Return the model's log-odds of presence where the answer has one of the ids; None if it has none of them."""
    completion = question.sequence.completion
    assert completion is not None, "it was run to its end"
    for token, log_prob in zip(completion.ids, completion.grammar_log_probs, strict=False):
        if token == ids.absent or token in ids.present:
            return log_odds(max(FLOOR, log_prob), chosen=token != ids.absent)
    return None
