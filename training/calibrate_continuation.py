"""Fit how a checkpoint decides whether another interval follows in an answer to a query.

The language model's log-odds and the evidence for the best remaining interval decide together
(`model.presence.Continuation`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from model.confidence import FLOOR
from model.engine.prompting import Question
from model.pipeline import Pipeline
from model.presence import MOST_LOG_WEIGHT, Continuation, log_odds
from model.timeline.grammar import START, Phase
from training.calibrate_presence import SCENES_PER_BATCH, scene_queries
from training.data.composer import Pool, SceneConfig, compose
from training.data.target_text import another_id
from training.logistic import fit

NEAR = 2
"""Tenths of a second after the end of an interval that still belong to its sound."""
LEAST = 3
"""Minimum tenths of a second of sound that count as another interval."""


class ContinuationSample(NamedTuple):
    """The end of one interval of an answer.

    Attributes:
        language: the language model's log-odds of another interval.
        best: the log-weight of the best remaining interval.
        follows: whether the sound occurs again.
    """

    language: float
    best: float
    follows: bool


def continuation_samples(
    pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], *, scenes: int, seed: int
) -> list[ContinuationSample]:
    """Query present and absent kinds in `scenes` composed scenes. The calibration so far decides presence and times."""
    token = another_id(pipeline.tokenizer)
    found: list[ContinuationSample] = []
    for first in track(range(0, scenes, SCENES_PER_BATCH), description="intervals", console=Console(stderr=True)):
        asked = []
        for index in range(first, min(first + SCENES_PER_BATCH, scenes)):
            rng = np.random.default_rng([seed, index])
            asked += scene_queries(pipeline, compose(pool, configs[index % len(configs)], rng), "ground", rng)
        pipeline.engine.run([query.question.sequence for query in asked])
        for query in asked:
            found += _samples(query.question, query.occurs, token)
    return found


def _samples(question: Question, occurs: Sequence[bool], token: int) -> Iterator[ContinuationSample]:
    search, completion = question.sequence.search, question.sequence.completion
    assert completion is not None, "it was run to its end"
    if search.times is None or search.grammar is None:
        return
    state = START
    for chosen, log_prob in zip(completion.ids, completion.grammar_log_probs, strict=False):
        if state.phase is Phase.CLOSED:
            language = log_odds(max(FLOOR, log_prob), chosen=chosen == token)
            best = search.times.weights.best_after(state.ended)
            yield ContinuationSample(language, min(best, MOST_LOG_WEIGHT), sum(occurs[state.ended + NEAR :]) >= LEAST)
        state = search.grammar.advance(state, chosen)


def fit_continuation(samples: Sequence[ContinuationSample], token: int) -> Continuation | None:
    """Fit the function. Return None if the samples do not tell the two cases apart."""
    if len({sample.follows for sample in samples}) < 2:
        return None
    rows = np.array([[sample.language, sample.best] for sample in samples])
    bias, (language, evidence) = fit(
        rows, np.array([sample.follows for sample in samples]), positive=np.array([True, True])
    )
    return Continuation(bias, language, evidence, token) if language > 0 else None


def shares_right(continuation: Continuation, samples: Sequence[ContinuationSample]) -> tuple[float, float]:
    """Return the share of right decisions by the language model alone, and with the evidence."""
    alone = [(sample.language > 0) == sample.follows for sample in samples]
    together = [(s.language + continuation.bias_of(s.best) > 0) == s.follows for s in samples]
    return sum(alone) / len(alone), sum(together) / len(together)
