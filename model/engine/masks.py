"""Masks of the tokens that each sequence's grammar forbids, for all rows of a step at once."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from model.engine.search import Search
from model.timeline.grammar import Allowed
from model.timeline.vocabulary import Vocabulary

KEPT = 256
"""Masks cached in addition to those that one step may need. An answer needs about fifty different ones."""


class GrammarMasks:
    """A table on the device with one vocabulary mask per row, from which each step gathers the rows it needs.

    All grammars share one vocabulary, since all sequences use the same language model.
    """

    def __init__(self, num_logits: int, most_rows: int, *, device: torch.device) -> None:
        # Row 0 forbids nothing.
        self._table = torch.zeros(1 + KEPT + most_rows, num_logits, dtype=torch.bool, device=device)
        self._rows: dict[Allowed, int] = {}
        self._generation = 0

    def forbidden(self, searches: Sequence[Search], width: int) -> Bool[Tensor, "rows vocabulary"] | None:
        """Return `width` rows per search, True for tokens that may not come next; None if no search has a grammar.

        The rows of a search are those of its beams or, for a path, of its last token and its draft; the rest of them
        forbid nothing.
        """
        if all(search.grammar is None for search in searches):
            return None
        if len(self._rows) + len(searches) * width >= len(self._table):
            self._rows.clear()  # the table is full: rebuild it
            self._generation += 1
        rows: list[int] = []
        for search in searches:
            own = self._rows_of(search) + self._rows_of_draft(search)
            rows += own + [0] * (width - len(own))
        return self._table.index_select(0, torch.tensor(rows, device=self._table.device))

    def _rows_of(self, search: Search) -> list[int]:
        allowed = search.allowed()
        if allowed is None or search.grammar is None:
            return [0] * search.width
        if search.masks is None or search.masks[0] != self._generation:
            search.masks = self._generation, [self._row(item, search.grammar.vocabulary) for item in allowed]
        return search.masks[1]

    def _rows_of_draft(self, search: Search) -> list[int]:
        grammar = search.grammar
        if grammar is None:
            return []
        states = search.draft.states
        return [0 if state is None else self._row(grammar.allowed_after(state), grammar.vocabulary) for state in states]

    def _row(self, allowed: Allowed, vocabulary: Vocabulary) -> int:
        row = self._rows.get(allowed)
        if row is None:
            row = self._rows[allowed] = len(self._rows) + 1
            listed = allowed.only if allowed.only is not None else allowed.never
            mask = torch.full(self._table.shape[1:], allowed.only is not None)
            # An embedding matrix may have more rows than the tokenizer has tokens: never choose those.
            mask[vocabulary.size :] = True
            mask[torch.tensor(sorted(listed or ()), dtype=torch.long)] = allowed.only is None
            self._table[row] = mask.to(self._table.device)
        return row
