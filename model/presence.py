"""Decide whether a query occurs, from what the language model says and from the evidence of the audio tokens.

`timeaudio calibrate` fits a logistic function of both. The engine applies it as a bias on the token where the two
kinds of answer part, so that one decoding writes the answer that the function chose.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presence:
    """The log-odds that a query occurs: bias + language * (the language model's log-odds) + evidence * `Evidence`.

    Attributes:
        tokens: ids of the tokens with which an answer with intervals and an absent answer first differ.
    """

    bias: float
    language: float
    evidence: float
    tokens: tuple[int, int]

    def bias_of(self, evidence: float) -> float:
        """Return what to add to the logit of the first token, so that it is chosen if the query more likely occurs."""
        return (self.bias + self.evidence * evidence) / self.language


def log_odds(log_prob: float, *, chosen: bool) -> float:
    """Return the log-odds of a token from its log-probability or, unless `chosen`, from that of its alternative."""
    other = math.log1p(-min(math.exp(log_prob), 1 - 1e-6))
    return log_prob - other if chosen else other - log_prob
