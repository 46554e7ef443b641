"""Words with their times, read from the output of a recogniser that scores letters frame by frame."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FRAMES_PER_SECOND = 50

OTHER_LANGUAGE = "*"
"""Stands for a word in a language that is not transcribed."""


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


def word_of(letters: Sequence[Letter]) -> Word:
    """Return the word that letters spell."""
    text = "".join(each.symbol for each in letters)
    mean = sum(each.log_prob for each in letters) / len(letters)
    return Word(text, letters[0].frame, letters[-1].frame + 1, mean)


def join_letters(letters: Iterable[Letter]) -> list[Word]:
    """Return the words that letters in order of time spell; spaces separate them."""
    words: list[Word] = []
    spelled: list[Letter] = []
    for letter in (*letters, Letter(" ", 0, 0.0)):
        if letter.symbol != " ":
            spelled.append(letter)
        elif spelled:
            words.append(word_of(spelled))
            spelled = []
    return words


def collapse(frames: Iterable[tuple[str, float]], first: int = 0) -> list[Letter]:
    """Return the letters of frames, each a symbol with its log-probability, by the rules of CTC.

    Consecutive frames with the same symbol make one letter, at the most probable of them. The blank, "", makes none.
    """
    letters: list[Letter] = []
    before = ""
    for frame, (symbol, log_prob) in enumerate(frames, first):
        if symbol and symbol != before:
            letters.append(Letter(symbol, frame, log_prob))
        elif symbol and log_prob > letters[-1].log_prob:
            letters[-1] = Letter(symbol, frame, log_prob)
        before = symbol
    return letters
