"""Weights of intervals, spread over the markers that write them."""

import math

import numpy as np
import pytest

from model.engine.interval_weights import IntervalWeights
from model.timeline.grammar import START, Grammar, State
from tests.tiny_models import TIMED

DURATION = 23


def log_prob(weights: IntervalWeights, grammar: Grammar, state: State, ids: list[int]) -> tuple[float, State]:
    """Return the log-probability of markers, each chosen by weight alone, and the state after them."""
    total = 0.0
    for token in ids:
        markers = weights.markers(grammar, state)
        total += markers[token] - np.logaddexp.reduce(list(markers.values()))
        state = grammar.advance(state, token)
    return total, state


def time(tenths: int) -> list[int]:
    return [*(TIMED.anchor_ids[int(digit)] for digit in str(tenths // 10)), TIMED.offset_ids[tenths % 10]]


def test_markers_chosen_by_weight_give_each_interval_the_sum_of_its_log_odds():
    log_odds = np.random.default_rng(0).normal(size=DURATION)
    weights = IntervalWeights(log_odds.tolist())
    for task in ("ground", "ask"):
        grammar, found, expected = Grammar(TIMED, task, DURATION), {}, {}
        for start in range(DURATION):
            first, state = log_prob(weights, grammar, START, time(start))
            for token in TIMED.separator_ids:
                state = grammar.advance(state, token)
            for end in range(start + 1, DURATION + 1):
                found[start, end] = first + log_prob(weights, grammar, state, time(end))[0]
                expected[start, end] = log_odds[start:end].sum()
        total = np.logaddexp.reduce(list(expected.values()))
        assert found == pytest.approx({key: value - total for key, value in expected.items()}, abs=1e-6)
        assert sum(map(math.exp, found.values())) == pytest.approx(1.0)


def test_what_an_interval_has_taken_is_not_taken_again():
    weights, grammar = IntervalWeights([3.0] * 10 + [-3.0] * 5 + [1.0] * 8), Grammar(TIMED, "ground", DURATION)
    once = weights.markers(grammar, START)
    assert max(once, key=lambda token: once[token]) == TIMED.anchor_ids[0]
    state = START
    for token in (*time(0), *TIMED.separator_ids, *time(10), 0):
        state = grammar.advance(state, token)
    again = weights.markers(grammar, state)
    assert again[TIMED.anchor_ids[0]] < min(again[TIMED.anchor_ids[digit]] for digit in (1, 2)) - 20


def test_the_best_interval_that_is_left():
    rng = np.random.default_rng(3)
    for _ in range(20):
        odds = rng.normal(size=12)
        weights = IntervalWeights(odds.tolist())
        for ended in range(12):
            left = [odds[s:e].sum() for s in range(ended, 12) for e in range(s + 1, 13)]
            assert weights.best_after(ended) == pytest.approx(max(left))
        assert weights.best_after(12) < -20
        assert weights.best_after(50) < -20
