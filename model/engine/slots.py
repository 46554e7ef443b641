"""Assigns sequences to slots."""

from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

from model.engine.sequence import Sequence


class Region(NamedTuple):
    """Sequences of one width (number of beams), in the slots from `first` up to but excluding `last`."""

    width: int
    first: int
    last: int


class Slots:
    """Keeps live sequences in slots from 0 without gaps, grouped by width, so that a step reads contiguous slices.

    Args:
        num_slots: number of slots.
        move: `move(source, target)` copies the content of one slot of the cache to another.
    """

    def __init__(self, num_slots: int, move: Callable[[int, int], object]) -> None:
        self.num_slots = num_slots
        self.live: list[Sequence] = []
        self._move = move

    @property
    def num_free(self) -> int:
        """Number of free slots."""
        return self.num_slots - len(self.live)

    def regions(self) -> list[Region]:
        """Return the slots of each width among the live sequences."""
        found, first = [], 0
        for width, sequences in groupby(self.live, key=lambda sequence: sequence.width):
            last = first + sum(1 for _ in sequences)
            found.append(Region(width, first, last))
            first = last
        return found

    def enter(self, sequence: Sequence) -> None:
        """Give the sequence the slot after the others of its width. Each wider region moves its first to make room."""
        assert self.num_free, "every slot is taken"
        regions, hole = self.regions(), len(self.live)
        self.live.append(sequence)
        for region in reversed(regions):
            if region.width > sequence.width:
                self._place(self.live[region.first], hole)
                hole = region.first
        self.live[hole] = sequence
        sequence.slot = hole

    def leave(self, sequence: Sequence) -> None:
        """Free the sequence's slot. The last sequence of its region, and of each wider one, moves to close the gap."""
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
