"""Whose turn it is: the work of several owners, one piece of each in turn."""

from collections import deque
from collections.abc import Hashable, Iterator
from itertools import count
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
Piece = TypeVar("Piece")


class Turns(Generic[Owner, Piece]):
    """Waiting pieces of work. Who has many is not served before who has one."""

    def __init__(self) -> None:
        self._waiting: dict[Owner, deque[Piece]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, owner: Owner, piece: Piece) -> None:
        """Let a piece wait behind the others of its owner."""
        self._waiting.setdefault(owner, deque()).append(piece)

    def in_turn(self) -> Iterator[tuple[Owner, Piece]]:
        """Everything that waits: the first piece of each owner, then the second of each, ... Take none meanwhile."""
        for place in count():
            row = [(owner, pieces[place]) for owner, pieces in self._waiting.items() if place < len(pieces)]
            if not row:
                return
            yield from row

    def take(self, owner: Owner, piece: Piece) -> None:
        """Take a piece out. Its owner's next one waits behind the other owners."""
        pieces = self._waiting.pop(owner)
        pieces.remove(piece)
        if pieces:
            self._waiting[owner] = pieces

    def drop(self, owner: Owner) -> None:
        """Forget all that an owner waits for."""
        self._waiting.pop(owner, None)
