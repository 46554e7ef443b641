"""What each sequence's grammar forbids, for all rows of a step at once."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from model.engine.search import Search
from model.timeline.grammar import Allowed
from model.timeline.vocabulary import Vocabulary

KEPT = 256
"""Masks that are kept beside those that one step may need. An answer needs about fifty different ones."""


class GrammarMasks:
    """Masks over the vocabulary, one row each in a table on the device, of which a step gathers what it needs.

    All grammars have one vocabulary, since all sequences have one language model.
    """

    def __init__(self, num_logits: int, most_rows: int, *, device: torch.device) -> None:
        # Row 0 forbids nothing.
        self._table = torch.zeros(1 + KEPT + most_rows, num_logits, dtype=torch.bool, device=device)
        self._rows: dict[Allowed, int] = {}
        self._generation = 0

    def forbidden(self, searches: Sequence[Search]) -> Bool[Tensor, "rows vocabulary"] | None:
        """True where a token may not come next, a row for each beam; None where no search has a grammar."""
        if all(search.grammar is None for search in searches):
            return None
        if len(self._rows) + sum(search.width for search in searches) >= len(self._table):
            self._rows.clear()  # full: all are made anew
            self._generation += 1
        rows: list[int] = []
        for search in searches:
            rows += self._rows_of(search)
        return self._table.index_select(0, torch.tensor(rows, device=self._table.device))

    def _rows_of(self, search: Search) -> list[int]:
        allowed = search.allowed()
        if allowed is None or search.grammar is None:
            return [0] * search.width
        if search.masks is None or search.masks[0] != self._generation:
            search.masks = self._generation, [self._row(item, search.grammar.vocabulary) for item in allowed]
        return search.masks[1]

    def _row(self, allowed: Allowed, vocabulary: Vocabulary) -> int:
        row = self._rows.get(allowed)
        if row is None:
            row = self._rows[allowed] = len(self._rows) + 1
            listed = allowed.only if allowed.only is not None else allowed.never
            mask = torch.full(self._table.shape[1:], allowed.only is not None)
            # An embedding matrix may be padded beyond the tokenizer: those rows are never an answer.
            mask[vocabulary.size :] = True
            mask[torch.tensor(sorted(listed or ()), dtype=torch.long)] = allowed.only is None
            self._table[row] = mask.to(self._table.device)
        return row
