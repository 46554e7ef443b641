"""Decide whether and when a sound occurs, from what the language model says and from the audio tokens' evidence.

`timeaudio calibrate` fits a logistic function of both for queries, and one for questions. The engine applies it as
a bias on the token where the two kinds of answer diverge, so that a single decoding writes the answer that the function
chose.
Another logistic function, of the evidence alone, tells when the sound occurs: see `model.engine.interval_weights`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, FiniteFloat

from model.strict_json import Strict

PASS_WEIGHT = 0.5
"""Weight of the logarithm of the number of passes, subtracted from the log-odds that a sound is in one of them."""

MOST_LOG_WEIGHT = 10.0
"""Larger log-weights of an interval count as this."""

PositiveFinite = Annotated[FiniteFloat, Field(gt=0)]
TokenId = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Presence(Strict):
    """The log-odds of presence: bias + language * (the language model's log-odds) + evidence * `Evidence`.

    Attributes:
        present: ids of the tokens that begin an answer with intervals, where it differs from an absent answer.
        absent: id of the token that begins an absent answer there.
    """

    bias: FiniteFloat
    language: PositiveFinite
    evidence: FiniteFloat
    present: Annotated[tuple[TokenId, ...], Field(min_length=1)]
    absent: TokenId

    def bias_of(self, evidence: float, num_passes: int = 1) -> float:
        """Return what to subtract from the logit of the absent token, so that the more likely answer is chosen.

        Each of several passes over a recording is less likely to have the sound than the whole recording is.
        """
        return (self.bias + self.evidence * evidence - PASS_WEIGHT * math.log(num_passes)) / self.language


@dataclass(frozen=True, slots=True)
class Occurrence(Strict):
    """The log-odds that a sound occurs in a window: bias + evidence * `Evidence.by_tenth` + whole * `Evidence`.

    The weight of the whole recording's evidence is below 0: if a recording clearly has what the words name, sounds that
    resemble the words only a little are something else.
    """

    bias: FiniteFloat
    evidence: FiniteFloat
    whole: FiniteFloat

    def by_tenth(self, similarities: Sequence[float], whole: float, tenths_per_window: float) -> list[float]:
        """Return the log-odds of each tenth of a second. Those of a window's tenths add up to the window's."""
        bias = self.bias + self.whole * whole
        return [(bias + self.evidence * value) / tenths_per_window for value in similarities]


@dataclass(frozen=True, slots=True)
class Continuation(Strict):
    """The log-odds that another interval follows: bias + language * (the language model's log-odds) + evidence * best.

    `best` is the log-weight of the best interval that is left (`IntervalWeights.best_after`), at most
    `MOST_LOG_WEIGHT`.

    Attributes:
        token: id of the token that announces another interval.
    """

    bias: FiniteFloat
    language: PositiveFinite
    evidence: FiniteFloat
    token: TokenId

    def bias_of(self, best: float) -> float:
        """Return what to add to the logit of the token, so that the more likely answer is chosen."""
        return (self.bias + self.evidence * min(best, MOST_LOG_WEIGHT)) / self.language


def log_odds(log_prob: float, *, chosen: bool) -> float:
    """Return the log-odds of a token from its log-probability or, unless `chosen`, from that of its alternative."""
    other = math.log1p(-min(math.exp(log_prob), 1 - 1e-6))
    return log_prob - other if chosen else other - log_prob
