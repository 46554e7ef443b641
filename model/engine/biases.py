"""Biases, besides the grammar, that shift the probabilities of a search's next tokens: evidence from outside the model.

A checkpoint's calibration says how much the evidence counts (`model.presence`, `model.engine.interval_weights`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from model.engine.interval_weights import IntervalWeights
from model.presence import Continuation
from model.timeline.grammar import Grammar, Phase, State


class ChoiceBias(NamedTuple):
    """Shifts a choice: where `token` and one of its alternatives are best, `value` is added to the logit of `token`."""

    token: int
    alternatives: tuple[int, ...]
    value: float

    def apply(self, scores: Float[Tensor, "rows vocabulary"]) -> None:
        """Shift the choice in logits or log-probabilities, in place. No ids are copied to the device."""
        best = scores.topk(2, dim=1).indices
        others = torch.stack([best == other for other in self.alternatives])
        is_choice = (best == self.token).any(dim=1) & others.any(dim=(0, 2))
        scores[:, self.token] += self.value * is_choice


@dataclass(frozen=True, slots=True)
class TimeBias:
    """Weighs the times of an answer.

    Attributes:
        weights: of the times.
        openings: the first ids of the answers whose times are weighed; all answers if empty.
        another: decides whether another interval follows, by the best one left; if None, the language model decides.
    """

    weights: IntervalWeights
    openings: tuple[int, ...] = ()
    another: Continuation | None = None

    def apply(self, scores: Float[Tensor, " vocabulary"], grammar: Grammar, state: State, opening: int | None) -> None:
        """Weigh the markers that may come next in logits or log-probabilities, in place.

        Their total probability does not change. So the language model still chooses between a time and a word, except
        where `another` decides whether an interval follows.
        """
        if self.openings and opening not in self.openings:
            return
        if self.another is not None and state.phase is Phase.CLOSED:
            before = scores.logsumexp(dim=0)
            scores[self.another.token] += self.another.bias_of(self.weights.best_after(state.ended))
            scores += before - scores.logsumexp(dim=0)  # otherwise beams would gain or lose by each interval
        markers = self.weights.markers(grammar, state)
        if len(markers) > 1:
            _weigh(scores, markers)


def _weigh(scores: Float[Tensor, " vocabulary"], weights: Mapping[int, float]) -> None:
    ids = torch.tensor(list(weights), device=scores.device)
    before = scores[ids]
    after = before + torch.tensor(list(weights.values()), device=scores.device, dtype=scores.dtype)
    scores[ids] = before.logsumexp(dim=0) + after.log_softmax(dim=0)
