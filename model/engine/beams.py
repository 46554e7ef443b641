"""Beam search for one answer. It makes the same choices as the library's `generate(num_beams=k)`.

The settings are the reference's: length_penalty 1 (scores are means per token), early_stopping False (it stops when
the best open beam cannot beat the worst of k finished ones at the current length). Scores are float32, so that
comparisons give the same results. Source: transformers 5.23, `GenerationMixin._beam_search`, read as a specification.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from model.engine.search import Completion, Search
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar

CLOSED = np.float32(-1.0e9)
"""Added to the score of beams that must not be chosen, as in the library. They are chosen if no others are left."""


class Node(NamedTuple):
    """The last token of a beam, its two log-probabilities, and the node before it."""

    token: int
    own: float
    within: float
    before: "Node | None"


class BeamSearch(Search):
    """`width` open beams, best first, and up to `width` finished ones.

    Attributes:
        scores: sum of log-probabilities of each open beam. All beams start equal, so at first only one counts.
    """

    def __init__(self, decoding: Decoding, grammar: Grammar | None, eos_ids: frozenset[int]) -> None:
        self.width = decoding.num_beams
        super().__init__(decoding, grammar, eos_ids)
        self.scores: list[float] = [0.0] + [float(CLOSED)] * (self.width - 1)
        self.num_candidates = max(2, 1 + len(eos_ids)) * self.width
        self._open: list[Node | None] = [None] * self.width
        self._finished: list[tuple[float, Node]] = []

    def take(
        self,
        scores: Sequence[float],
        tokens: Sequence[int],
        parents: Sequence[int],
        own: Sequence[float],
        within: Sequence[float],
    ) -> Completion | None:
        """Continue with the best of `num_candidates` candidates, sorted best first; return the completion at the end.

        `own` and `within` are the log-probabilities of the candidates' tokens without and with the grammar.
        """
        self.num_tokens += 1
        is_last = self.num_tokens >= self.limit
        hits = [is_last or token in self.eos_ids for token in tokens]
        keys, order = list(scores), list(range(self.width))
        if any(hits):
            closed = np.asarray(scores, np.float32) + np.where(hits, CLOSED, np.float32(0))
            order = np.argsort(-closed, kind="stable")[: self.width].tolist()
            keys = closed.tolist()
            self._collect([
                (scores[rank], Node(tokens[rank], own[rank], within[rank], self._open[parents[rank]]))
                for rank in range(self.width) if hits[rank]
            ])  # fmt: skip
        self._open = [Node(tokens[i], own[i], within[i], self._open[parents[i]]) for i in order]
        self.scores = [keys[i] for i in order]
        if is_last or not self._may_improve():
            return self.finish()
        self._goes_on([tokens[i] for i in order], [parents[i] for i in order])
        return None

    def finish(self) -> Completion:
        """Return the best finished beam, or the best open one if none has finished."""
        score, node = self._finished[0] if self._finished else (self._mean(self.scores[0]), self._open[0])
        return self._completion(reversed(list(_path(node))), score)

    def _mean(self, score: float) -> float:
        return float(np.float32(score) / np.float32(self.num_tokens))

    def _collect(self, ended: list[tuple[float, Node]]) -> None:
        self._finished += [(self._mean(score), node) for score, node in ended]
        self._finished.sort(key=lambda pair: -pair[0])
        del self._finished[self.width :]

    def _may_improve(self) -> bool:
        is_full = len(self._finished) == self.width
        return self._mean(self.scores[0]) > (self._finished[-1][0] if is_full else float(CLOSED))


def _path(node: Node | None) -> Iterator[tuple[int, float, float]]:
    while node is not None:
        yield node.token, node.own, node.within
        node = node.before
