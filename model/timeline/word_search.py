"""Find the words that the letters of a recogniser mean, by a beam search with a list of words.

Letters alone are spelled as they sound ("wridn"). The search weighs how well letters fit the frames against how
probable their words are.

Source: Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent
DNNs": prefix beam search.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from model.timeline.lexicon import Lexicon
from model.timeline.words import Letter, Word, word_of

WIDTH = 24
WORD_WEIGHT = 0.8
"""Weight of a word's log-probability, against 1 for its letters."""
WORD_BONUS = 3.0
"""Added for each word: without it, few long words would win against many short ones."""
CERTAIN = math.log(0.9995)
"""A frame whose blank has a higher log-probability than this has no letter."""
LEAST = -8.0
"""A symbol with a lower log-probability is not tried."""
NEVER = -1e30

Frame = Sequence[tuple[str, float]]
"""The most probable symbols of a frame with their log-probabilities; the blank is an empty string."""


class _Key(NamedTuple):
    """A hypothesis: the text of the words before, and the letters of the word that is being spelled."""

    text: str
    letters: str


class _Past(NamedTuple):
    """The past of a hypothesis: the words before, their weighted log-probability, and the letters with their frames."""

    words: "tuple[_Past, Word] | None"
    language: float
    letters: tuple[Letter, ...]

    @property
    def last(self) -> float:
        """The log-probability of the last letter where it was added."""
        return self.letters[-1].log_prob if self.letters else NEVER


class WordSearch:
    """Searches the words of one stretch of speech.

    Args:
        lexicon: the words that are known.
        first: number of the first frame.
    """

    def __init__(self, lexicon: Lexicon, first: int = 0) -> None:
        self._lexicon = lexicon
        self._frame = first
        start = _Key("", "")
        self._scores: dict[_Key, tuple[float, float]] = {start: (0.0, NEVER)}  # ending in the blank, and in a letter
        self._past: dict[_Key, _Past] = {start: _Past(None, 0.0, ())}

    def add(self, frame: Frame) -> None:
        """Extend the hypotheses by a frame."""
        if frame[0][0] == "" and frame[0][1] > CERTAIN:
            self._scores = {key: (_add(*score) + frame[0][1], NEVER) for key, score in self._scores.items()}
        else:
            self._extend(frame)
        self._frame += 1

    def words(self) -> list[Word]:
        """Return the words of the best hypothesis."""
        best = max(self._scores, key=lambda key: _add(*self._scores[key]) + self._finished(key).language)
        past = self._finished(best)
        found: list[Word] = []
        while past.words is not None:
            past, word = past.words
            found.append(word)
        return found[::-1]

    def _extend(self, frame: Frame) -> None:
        scores: dict[_Key, tuple[float, float]] = {}
        past: dict[_Key, _Past] = {}

        def add(key: _Key, blank: float, letter: float) -> None:
            before = scores.get(key, (NEVER, NEVER))
            scores[key] = _add(before[0], blank), _add(before[1], letter)

        for key, (blank, letter) in self._scores.items():
            before = self._past[key]
            last = key.letters[-1:] or key.text[-1:]
            for symbol, log_prob in frame:
                if log_prob < LEAST:
                    break
                if not symbol or symbol == last:  # the hypothesis stays
                    past.setdefault(key, before)
                    add(key, *((_add(blank, letter) + log_prob, NEVER) if not symbol else (NEVER, letter + log_prob)))
                    if not symbol or symbol == " ":
                        continue
                if symbol == " " and not key.letters:
                    continue
                source = blank if symbol == last else _add(blank, letter)
                if source > NEVER / 2:
                    longer, how = self._longer(key, before, Letter(symbol, self._frame, log_prob))
                    if longer not in past or how.last > past[longer].last:
                        past[longer] = how
                    add(longer, NEVER, source + log_prob)
        kept = sorted(scores, key=lambda key: -self._rank(key, scores[key], past[key]))[:WIDTH]
        self._scores = {key: scores[key] for key in kept}
        self._past = {key: max(past[key], self._past.get(key, past[key]), key=lambda each: each.last) for key in kept}

    def _longer(self, key: _Key, before: _Past, letter: Letter) -> tuple[_Key, _Past]:
        if letter.symbol == " ":
            return _Key(f"{key.text}{key.letters} ", ""), self._finished(key, before)
        return _Key(key.text, key.letters + letter.symbol), before._replace(letters=(*before.letters, letter))

    def _finished(self, key: _Key, past: _Past | None = None) -> _Past:
        """Return the past after the word that is being spelled."""
        past = past or self._past[key]
        if not key.letters:
            return past
        language = past.language + WORD_WEIGHT * self._lexicon.word(key.letters) + WORD_BONUS
        return _Past((past, word_of(past.letters)), language, ())

    def _rank(self, key: _Key, score: tuple[float, float], past: _Past) -> float:
        return _add(*score) + past.language + WORD_WEIGHT * self._lexicon.prefix(key.letters)


def _add(a: float, b: float) -> float:
    """Return the logarithm of the sum of two probabilities."""
    if a < b:
        a, b = b, a
    return a if b <= NEVER / 2 else a + math.log1p(math.exp(b - a))
