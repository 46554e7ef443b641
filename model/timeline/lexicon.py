"""The words that people say, by frequency, and how probable they make a string of letters."""

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from model.timeline.words import OTHER_LANGUAGE

UNKNOWN = -12.0
UNKNOWN_LETTER = -2.0
"""Log-probability of a word that is not in the list: `UNKNOWN`, plus `UNKNOWN_LETTER` for each letter."""


class Lexicon:
    """A list of words, the most frequent first. A word's probability follows from its rank (Zipf's law).

    Attributes:
        words: in lower case, without punctuation. `OTHER_LANGUAGE` is known too, although it is not one of them.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        total = math.log(sum(1 / rank for rank in range(1, len(words) + 2)))
        self._words = {OTHER_LANGUAGE: -math.log(100.0) - total}
        for rank, word in enumerate(words, 1):
            self._words.setdefault(word, -math.log(rank) - total)

    @classmethod
    def read(cls, path: Path) -> "Lexicon":
        """Read a file with one word per line, the most frequent first."""
        return cls(path.read_text(encoding="utf-8").split())

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        path.write_text("".join(f"{word}\n" for word in self.words), encoding="utf-8")

    @cached_property
    def _prefixes(self) -> dict[str, float]:
        """Log-probability of the best word that begins with each string; built when the first summary needs it."""
        found: dict[str, float] = {}
        for word, log_prob in sorted(self._words.items(), key=lambda item: -item[1]):
            for end in range(1, len(word) + 1):
                found.setdefault(word[:end], log_prob)
        return found

    def word(self, letters: str) -> float:
        """Return the log-probability of a whole word."""
        return self._words.get(letters, UNKNOWN + UNKNOWN_LETTER * len(letters))

    def prefix(self, letters: str) -> float:
        """Return the log-probability of the best word that begins with these letters; 0 without letters."""
        if not letters:
            return 0.0
        return self._prefixes.get(letters, UNKNOWN + UNKNOWN_LETTER * len(letters))
