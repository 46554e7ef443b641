"""Base class of all searches for an answer, and the simplest search: a single path, greedy or sampled."""

import math
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from model.engine.biases import ChoiceBias, TimeBias
from model.engine.caption_bias import CaptionBias, Place
from model.engine.drafts import NO_DRAFT
from model.language.decoding import Decoding
from model.timeline.grammar import START, Allowed, Grammar, State

LOG_HALF = math.log(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer as ids.

    Attributes:
        ids: without the end-of-sequence token. The tokens that close a cut answer come last.
        log_probs: the model's log-probability of each id that it chose.
        grammar_log_probs: of the same ids, normalised over the tokens that the grammar allowed at each position, with
            the biases of the search.
        is_cut: whether the answer reached the length limit before its end.
        score: beam search: mean log-probability per token, with the end token; None for other searches.
    """

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    grammar_log_probs: tuple[float, ...]
    is_cut: bool
    score: float | None = None

    @property
    def num_interventions(self) -> int:
        """Number of tokens at which the grammar, or a bias, took more than half of the probability away."""
        pairs = zip(self.log_probs, self.grammar_log_probs, strict=True)
        return sum(own - within < LOG_HALF for own, within in pairs)


class Search:
    """The search for one answer: each step takes `width` tokens and chooses the next ones.

    Attributes:
        tokens: inputs of the next step, one per beam.
        parents: the beam of the previous step that each of them continues.
        limit: largest number of tokens; the engine lowers it to the room in the slot.
        choice: shifts one choice between tokens; None shifts nothing.
        times: weighs the times; None weighs nothing.
        captions: weighs the words of captions; None weighs nothing.
        draft: tokens that the next step checks together with `tokens`; always empty for beams.
        masks: cache of `GrammarMasks`, valid until the allowed tokens change.
    """

    width = 1

    def __init__(self, decoding: Decoding, grammar: Grammar | None, eos_ids: frozenset[int]) -> None:
        self.decoding = decoding
        self.grammar = grammar
        self.eos_ids = eos_ids
        self.limit = decoding.max_new_tokens or sys.maxsize
        self.num_tokens = 0
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self._states: list[State] = [START] * self.width
        self._openings: list[int | None] = [None] * self.width  # the first token of each beam
        self._allowed = None if grammar is None else [grammar.allowed_after(START)] * self.width
        self._is_behind = False
        self.masks: tuple[int, list[int]] | None = None
        self.choice: ChoiceBias | None = None
        self.times: TimeBias | None = None
        self.captions: CaptionBias | None = None
        self._places = [Place()] * self.width
        self.draft = NO_DRAFT

    def allowed(self) -> list[Allowed] | None:
        """Return the tokens that the grammar allows next, for each beam; None without a grammar."""
        grammar = self.grammar
        if grammar is not None and self._is_behind:
            self._is_behind = False
            before = self._states
            states = [grammar.advance(before[p], t) for p, t in zip(self.parents, self.tokens, strict=True)]
            if self.captions is not None:
                steps = zip(self.parents, self.tokens, states, strict=True)
                self._places = [self.captions.after(self._places[p], before[p], t, state) for p, t, state in steps]
            if states != before:  # a word after a word leaves the state unchanged
                self._states = states
                self._allowed = [grammar.allowed_after(state) for state in states]
                self.masks = None
        return self._allowed

    @property
    def has_bias(self) -> bool:
        """Whether `bias` changes anything."""
        return self.choice is not None or self.times is not None or self.captions is not None

    def bias(self, scores: Float[Tensor, "rows vocabulary"]) -> None:
        """Apply the biases in place to logits or log-probabilities.

        The rows are those of the beams or, for a path, those after its last token and after each token of its draft.
        Further rows belong to no token of this search.
        """
        if self.choice is not None:
            self.choice.apply(scores)
        if self.times is not None and self.grammar is not None and self.allowed() is not None:
            states = [*self._states, *self.draft.states]
            openings = self._openings + self._openings[:1] * len(self.draft.states)
            for row, state, opening in zip(scores, states, openings, strict=False):
                if state is not None:
                    self.times.apply(row, self.grammar, state, opening)
        if self.captions is not None and self.allowed() is not None:
            for row, place in zip(scores, self._drafted_places(self.captions), strict=False):
                self.captions.apply(row, place)

    def _drafted_places(self, captions: CaptionBias) -> list[Place]:
        """Return the places of the beams or, for a path, of its last token and of each token of its draft."""
        places, before = [*self._places], self._states[0]
        for token, state in zip(*self.draft, strict=True):
            if state is None:
                break
            places.append(captions.after(places[-1], before, token, state))
            before = state
        return places

    def _goes_on(self, tokens: list[int], parents: list[int]) -> None:
        self.tokens, self.parents, self._is_behind = tokens, parents, True
        self._openings = [*tokens] if self.num_tokens == 1 else [self._openings[parent] for parent in parents]

    def _completion(self, chosen: Iterable[tuple[int, float, float]], score: float | None = None) -> Completion:
        """Build a completion from tokens with both log-probabilities, in order, up to the end token if there is one."""
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
    """Greedy or sampled decoding."""

    def __init__(self, decoding: Decoding, grammar: Grammar | None, eos_ids: frozenset[int]) -> None:
        super().__init__(decoding, grammar, eos_ids)
        self._random = random.Random(decoding.seed) if decoding.temperature > 0 else None
        self._chosen: list[tuple[int, float, float]] = []

    @property
    def is_drawn(self) -> bool:
        """Whether tokens are sampled."""
        return self._random is not None

    @property
    def ids(self) -> list[int]:
        """The ids chosen so far, without the end token."""
        return [token for token, _, _ in self._chosen if token not in self.eos_ids]

    @property
    def grammar_log_probs(self) -> list[float]:
        """Log-probabilities of `ids`, normalised over the tokens that the grammar allowed."""
        return [within for token, _, within in self._chosen if token not in self.eos_ids]

    def tokens_from(self, place: int) -> list[int]:
        """Return the tokens chosen so far from this place on, the end token included."""
        return [token for token, _, _ in self._chosen[place:]]

    @property
    def last_two(self) -> tuple[int, int]:
        """The last two ids chosen; -1 stands for the beginning."""
        last = self.tokens_from(-2)
        return (last[0], last[1]) if len(last) == 2 else (-1, last[0] if last else -1)

    @property
    def state(self) -> State | None:
        """The grammar's state after the ids chosen so far; None without a grammar."""
        return None if self.allowed() is None else self._states[0]

    def draw(self) -> float:
        """Return the next random number in [0, 1), one for each token."""
        assert self._random is not None, "a greedy path does not sample"
        return self._random.random()

    def take(self, token: int, own: float, within: float) -> Completion | None:
        """Append a token with both its log-probabilities. Return the completion if it is the last one."""
        self.allowed()  # advances the grammar past the previous token of a draft
        self._chosen.append((token, own, within))
        self.num_tokens += 1
        if token in self.eos_ids or self.num_tokens >= self.limit:
            return self.finish()
        self._goes_on([token], [0])
        return None

    def finish(self) -> Completion:
        """Return the answer so far. It counts as cut if it has no end token."""
        return self._completion(self._chosen)
