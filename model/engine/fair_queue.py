"""A fair queue: takes one piece of work from each owner in turn."""

from collections import deque
from collections.abc import Hashable, Iterator
from itertools import count
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
Piece = TypeVar("Piece")


class FairQueue(Generic[Owner, Piece]):
    """Queue of pieces of work. An owner with many pieces does not delay an owner with one."""

    def __init__(self) -> None:
        self._waiting: dict[Owner, deque[Piece]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, owner: Owner, piece: Piece) -> None:
        """Queue a piece behind the other pieces of its owner."""
        self._waiting.setdefault(owner, deque()).append(piece)

    def in_turn(self) -> Iterator[tuple[Owner, Piece]]:
        """Yield the first piece of each owner, then the second of each, ... Do not change the queue while iterating."""
        for place in count():
            row = [(owner, pieces[place]) for owner, pieces in self._waiting.items() if place < len(pieces)]
            if not row:
                return
            yield from row

    def take(self, owner: Owner, piece: Piece) -> None:
        """Remove a piece. Its owner moves behind the other owners."""
        pieces = self._waiting.pop(owner)
        pieces.remove(piece)
        if pieces:
            self._waiting[owner] = pieces

    def drop(self, owner: Owner) -> None:
        """Remove all pieces of an owner."""
        self._waiting.pop(owner, None)
