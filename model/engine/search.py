"""What every search for an answer has in common, and the simplest one: along a single path."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from model.language.decoding import Decoding
from model.timeline.grammar import START, Allowed, Grammar, State

LOG_HALF = math.log(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer as ids.

    Attributes:
        ids: without the end-of-sequence token. What closes an answer that was cut comes last.
        log_probs: of each id that the model chose, its own.
        grammar_log_probs: of the same ids, among those that the grammar allowed at each place.
        is_cut: whether the answer reached its longest length before its end.
        score: mean log-probability per token, the end included, by which a beam search chose; None elsewhere.
    """

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    grammar_log_probs: tuple[float, ...]
    is_cut: bool
    score: float | None = None

    @property
    def num_interventions(self) -> int:
        """Tokens before which the grammar forbade more than half of the probability."""
        pairs = zip(self.log_probs, self.grammar_log_probs, strict=True)
        return sum(own - within < LOG_HALF for own, within in pairs)


class Search:
    """One answer while it is searched for: `width` tokens go into each step, and a choice comes out of it.

    Attributes:
        tokens: what the next step is given, one per beam.
        parents: which beam of the step before each of them continues.
        limit: the most tokens.
        masks: kept for `GrammarMasks`, until what is allowed changes.
    """

    width = 1

    def __init__(self, decoding: Decoding, grammar: Grammar | None, eos_ids: frozenset[int]) -> None:
        self.decoding = decoding
        self.grammar = grammar
        self.eos_ids = eos_ids
        self.limit = decoding.max_new_tokens
        self.num_tokens = 0
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self._states: list[State] = [START] * self.width
        self._allowed = None if grammar is None else [grammar.allowed_after(START)] * self.width
        self._is_behind = False
        self.masks: tuple[int, list[int]] | None = None

    def allowed(self) -> list[Allowed] | None:
        """What the grammar lets each beam say next; None without a grammar."""
        grammar = self.grammar
        if grammar is not None and self._is_behind:
            self._is_behind = False
            before = self._states
            states = [grammar.advance(before[p], t) for p, t in zip(self.parents, self.tokens, strict=True)]
            if states != before:  # a word after a word changes nothing
                self._states = states
                self._allowed = [grammar.allowed_after(state) for state in states]
                self.masks = None
        return self._allowed

    def _goes_on(self, tokens: list[int], parents: list[int]) -> None:
        self.tokens, self.parents, self._is_behind = tokens, parents, True

    def _completion(self, chosen: Iterable[tuple[int, float, float]], score: float | None = None) -> Completion:
        """From tokens with both log-probabilities, in order, up to their end if there is one."""
        ids: list[int] = []
        own: list[float] = []
        within: list[float] = []
        is_cut = True
        for token, log_prob, grammar_log_prob in chosen:
            if token in self.eos_ids:
                is_cut = False
                break
            ids.append(token)
            own.append(log_prob)
            within.append(grammar_log_prob)
        closing = self.grammar.closing(ids) if self.grammar is not None and is_cut else []
        return Completion(
            ids=(*ids, *closing),
            log_probs=tuple(own),
            grammar_log_probs=tuple(within),
            is_cut=is_cut,
            score=score,
        )


class Path(Search):
    """Token by token: the likeliest one, or one that is drawn."""

    def __init__(self, decoding: Decoding, grammar: Grammar | None, eos_ids: frozenset[int]) -> None:
        super().__init__(decoding, grammar, eos_ids)
        self._random = random.Random(decoding.seed) if decoding.temperature > 0 else None
        self._chosen: list[tuple[int, float, float]] = []

    @property
    def is_drawn(self) -> bool:
        """Whether tokens are drawn."""
        return self._random is not None

    @property
    def ids(self) -> list[int]:
        """What was chosen so far, an end left out."""
        return [token for token, _, _ in self._chosen if token not in self.eos_ids]

    @property
    def grammar_log_probs(self) -> list[float]:
        """Of `ids`, among what the grammar allowed."""
        return [within for token, _, within in self._chosen if token not in self.eos_ids]

    def draw(self) -> float:
        """The next random number, from 0 to below 1: one for each token."""
        assert self._random is not None, "a greedy path draws nothing"
        return self._random.random()

    def take(self, token: int, own: float, within: float) -> Completion | None:
        """Go on with this token, given both its log-probabilities; the completion where it is the last."""
        self._chosen.append((token, own, within))
        self.num_tokens += 1
        if token in self.eos_ids or self.num_tokens >= self.limit:
            return self.finish()
        self._goes_on([token], [0])
        return None

    def finish(self) -> Completion:
        """The answer so far, cut here if it has no end."""
        return self._completion(self._chosen)
