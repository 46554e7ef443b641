"""Decide whether a sound occurs, from what the language model says and from the evidence of the audio tokens.

`timeaudio calibrate` fits a logistic function of both for queries, and one for questions. The engine applies it as
a bias on the token where the two kinds of answer part, so that one decoding writes the answer that the function chose.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presence:
    """The log-odds of presence: bias + language * (the language model's log-odds) + evidence * `Evidence`.

    Attributes:
        present: ids of the tokens that begin an answer with intervals, where it differs from an absent answer.
        absent: id of the token that begins an absent answer there.
    """

    bias: float
    language: float
    evidence: float
    present: tuple[int, ...]
    absent: int

    def bias_of(self, evidence: float) -> float:
        """Return what to take from the logit of the absent token, so that the more likely answer is chosen."""
        return (self.bias + self.evidence * evidence) / self.language


def log_odds(log_prob: float, *, chosen: bool) -> float:
    """Return the log-odds of a token from its log-probability or, unless `chosen`, from that of its alternative."""
    other = math.log1p(-min(math.exp(log_prob), 1 - 1e-6))
    return log_prob - other if chosen else other - log_prob
