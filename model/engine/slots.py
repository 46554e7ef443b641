"""Which sequence lives in which slot."""

from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

from model.engine.sequence import Sequence


class Region(NamedTuple):
    """Sequences of one width (number of beams), in the slots from `first` to before `last`."""

    width: int
    first: int
    last: int


class Slots:
    """Live sequences from slot 0 on without a hole, those of one width side by side, so that a step reads slices.

    Args:
        num_slots: how many there are.
        move: `move(source, target)` copies what one slot of the cache holds into another.
    """

    def __init__(self, num_slots: int, move: Callable[[int, int], object]) -> None:
        self.num_slots = num_slots
        self.live: list[Sequence] = []
        self._move = move

    @property
    def num_free(self) -> int:
        """Slots that nobody lives in."""
        return self.num_slots - len(self.live)

    def regions(self) -> list[Region]:
        """The widths that live here, each with its slots."""
        found, first = [], 0
        for width, sequences in groupby(self.live, key=lambda sequence: sequence.width):
            last = first + sum(1 for _ in sequences)
            found.append(Region(width, first, last))
            first = last
        return found

    def enter(self, sequence: Sequence) -> None:
        """Give it the slot behind the others of its width. The first of each wider region makes room."""
        assert self.num_free, "whoever enters was promised a slot"
        regions, hole = self.regions(), len(self.live)
        self.live.append(sequence)
        for region in reversed(regions):
            if region.width > sequence.width:
                self._place(self.live[region.first], hole)
                hole = region.first
        self.live[hole] = sequence
        sequence.slot = hole

    def leave(self, sequence: Sequence) -> None:
        """Free its slot. The last of its region, and of each wider one, closes the hole."""
        hole = sequence.slot
        for region in self.regions():
            if region.width >= sequence.width:
                self._place(self.live[region.last - 1], hole)
                hole = region.last - 1
        self.live.pop()
        sequence.slot = -1

    def _place(self, sequence: Sequence, slot: int) -> None:
        if sequence.slot != slot:
            self._move(sequence.slot, slot)
            self.live[slot] = sequence
            sequence.slot = slot
