"""Words with their times, read from the output of a recogniser that scores letters frame by frame."""

from collections.abc import Iterable
from dataclasses import dataclass

FRAMES_PER_SECOND = 50

OTHER_LANGUAGE = "*"
"""A word of a language that is not written down."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was recognised.

    Attributes:
        text: in lower case, without punctuation.
        start, end: of its first and its last letter, in frames of 20 ms.
        log_prob: mean log-probability of its letters.
    """

    text: str
    start: int
    end: int
    log_prob: float


@dataclass(frozen=True, slots=True)
class Letter:
    """A symbol, the frame in which it is most probable, and its log-probability there."""

    symbol: str
    frame: int
    log_prob: float


def join_letters(letters: Iterable[Letter]) -> list[Word]:
    """Return the words that letters in order of time spell; spaces separate them."""
    words: list[Word] = []
    spelled: list[Letter] = []
    for letter in (*letters, Letter(" ", 0, 0.0)):
        if letter.symbol != " ":
            spelled.append(letter)
        elif spelled:
            text = "".join(each.symbol for each in spelled)
            mean = sum(each.log_prob for each in spelled) / len(spelled)
            words.append(Word(text, spelled[0].frame, spelled[-1].frame + 1, mean))
            spelled = []
    return words
