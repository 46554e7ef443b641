"""Weigh the times of intervals by evidence of when a sound occurs, one time marker after the other.

Each interval has a weight: the sum, over its tenths of a second, of the log-odds that the sound occurs there. A start's
weight is the sum over all ends; a marker's weight is the sum over all times that it may lead to. Multiplied by the
language model's probabilities, the weights make a product of experts (Hinton 2002).
"""

from collections.abc import Sequence

import numpy as np

from model.timeline.grammar import Grammar, State

TAKEN = -30.0
"""Weight of a start before the end of the last interval: times are written in order."""


class IntervalWeights:
    """The weights of one sound in one recording.

    Args:
        log_odds: the log-odds that the sound occurs, for each tenth of a second.
    """

    def __init__(self, log_odds: Sequence[float]) -> None:
        self._sums = np.concatenate([[0.0], np.cumsum(np.asarray(log_odds, np.float64))])
        ends = np.logaddexp.accumulate(self._sums[:0:-1])[::-1]  # over all ends after each start
        self._starts = np.append(ends - self._sums[:-1], TAKEN)
        highest = np.maximum.accumulate(self._sums[:0:-1])[::-1]  # of all ends after each start
        best = np.maximum.accumulate((highest - self._sums[:-1])[::-1])[::-1]
        self._best = np.append(best, TAKEN)
        self._known: dict[State, dict[int, float]] = {}

    def markers(self, grammar: Grammar, state: State) -> dict[int, float]:
        """Return the log-weights of the time markers allowed next. Only their differences mean anything."""
        known = self._known.get(state)
        if known is None:
            times = grammar.times(state)
            weights = self._sums if grammar.ends_interval(state) else self._starts_after(state.ended)
            known = {token: _log_sum(weights, spans) for token, spans in times.items()}
            self._known[state] = known
        return known

    def best_after(self, ended: int) -> float:
        """Return the log-weight of the best interval that begins at `ended` tenths or later."""
        return float(self._best[min(ended, len(self._best) - 1)])

    def _starts_after(self, ended: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        weights = self._starts.copy()
        weights[:ended] = TAKEN
        return weights


def _log_sum(weights: "np.ndarray[tuple[int], np.dtype[np.float64]]", spans: Sequence[range]) -> float:
    return float(np.logaddexp.reduce(np.concatenate([weights[span.start : span.stop] for span in spans])))
