"""Guess the next tokens of an answer, so that one step of the language model can check several of them.

A draft continues with the only token that the grammar allows or, failing that, with the token that followed the same
two tokens in an earlier answer. The engine keeps the drafted tokens that the model itself would have chosen. Drafts
therefore change the number of steps, not the answer.

Source: jump-forward decoding (SGLang, XGrammar), and speculative decoding with n-grams (prompt lookup).
"""

from collections.abc import Sequence
from typing import NamedTuple

from model.timeline.grammar import Grammar, State

MOST_PAIRS = 65_536
"""The memory of earlier answers is cleared when it holds more pairs of tokens than this."""


class Draft(NamedTuple):
    """Guessed tokens, and the grammar's state after each of them; None without a grammar."""

    tokens: tuple[int, ...] = ()
    states: tuple[State | None, ...] = ()


NO_DRAFT = Draft()


class Drafter:
    """Remembers which token followed each pair of tokens in earlier answers, and drafts from that and the grammar."""

    def __init__(self) -> None:
        self._after: dict[tuple[int, int], int] = {}

    def learn(self, ids: Sequence[int]) -> None:
        """Remember an answer. Where answers differ, the latest one counts."""
        if len(self._after) > MOST_PAIRS:
            self._after.clear()
        self._after.update(zip(zip(ids, ids[1:], strict=False), ids[2:], strict=False))

    def draft(self, before: tuple[int, int], state: State | None, grammar: Grammar | None, most: int) -> Draft:
        """Draft at most `most` tokens.

        Args:
            before: the last two tokens of the answer.
            state: the grammar's state after them; None without a grammar.
            grammar: the rules of the answer.
            most: the most tokens to draft.
        """
        tokens, states = list[int](), list[State | None]()
        while len(tokens) < most:
            if grammar is None or state is None:
                token = self._after.get(before)
            else:
                token = self._next(before, state, grammar)
                state = None if token is None else grammar.advance(state, token)
            if token is None:
                break
            tokens.append(token)
            states.append(state)
            before = before[1], token
        return Draft(tuple(tokens), tuple(states))

    def _next(self, before: tuple[int, int], state: State, grammar: Grammar) -> int | None:
        """Return the forced token, or else the remembered one. Times are drafted only if forced, the end never."""
        allowed, vocabulary = grammar.allowed_after(state), grammar.vocabulary
        if allowed.only is not None and len(allowed.only) == 1:
            (token,) = allowed.only
            return None if token == vocabulary.eos_id else token
        remembered = self._after.get(before)
        if remembered is None or remembered in grammar.special or not allowed.permits(remembered):
            return None
        return remembered
