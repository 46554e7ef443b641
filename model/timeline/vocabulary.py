"""The token ids that a grammar has to distinguish, independent of any tokenizer library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Classes of token ids. An id in no class is a word.

    `anchor_ids` and `offset_ids` are ordered by digit. `separator_ids` are the ids of " - ", one or several tokens
    depending on the tokenizer. `wordless_ids` are ids whose text has no letter (", ", " 12"); if they
    are not given, a caption may consist of those tokens alone. `size` is the number of logits.

    Raises:
        ValueError: ids are out of range, missing, or in two classes.
    """

    anchor_ids: tuple[int, ...]
    offset_ids: tuple[int, ...]
    separator_ids: tuple[int, ...]
    eos_id: int
    size: int
    wordless_ids: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if len(self.anchor_ids) != 10 or len(self.offset_ids) != 10:
            raise ValueError("A vocabulary needs ten anchor ids and ten offset ids, one per digit.")
        if not self.separator_ids:
            raise ValueError("A vocabulary needs the ids of the separator.")
        special = (*self.anchor_ids, *self.offset_ids, self.eos_id)
        if len(set(special)) != len(special):
            raise ValueError("Markers and the end-of-sequence token need ids of their own.")
        if not set(special).isdisjoint(self.separator_ids) or not set(special).isdisjoint(self.wordless_ids):
            raise ValueError("The separator and the tokens without words cannot be markers or the end.")
        if not all(0 <= token_id < self.size for token_id in (*special, *self.separator_ids, *self.wordless_ids)):
            raise ValueError(f"Every id must be in 0..{self.size - 1}.")

    @property
    def marker_ids(self) -> frozenset[int]:
        """The twenty ids of the time markers."""
        return frozenset(self.anchor_ids) | frozenset(self.offset_ids)
