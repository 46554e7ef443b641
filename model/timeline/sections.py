"""Divides recognised words into sections of speech, each with its first sentence. Sections end at pauses.

A section of a talk or an article usually begins by saying what it is about, so its first sentence is a summary that is
hard to beat (the "lead" baseline of news summarisation). Nothing here knows what words mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.timeline.interval import TENTHS_PER_SECOND, Interval
from model.timeline.words import FRAMES_PER_SECOND, OTHER_LANGUAGE, Word

TYPICAL_S = 15.0
"""The preferred length of a section."""
PAUSE_S = 0.7
"""A pause of this length scores 0 as the end of a section."""
PAUSE_WEIGHT = 1.5
SENTENCE_PAUSE_S = 0.3
"""A pause of at least this ends a sentence."""
SENTENCE_WORDS = (12, 24)
"""The fewest and the most words of a caption, if the section has that many."""
MARGIN_S = 0.1
"""Letters are recognised in the middle of their sound: speech begins a little earlier and ends a little later."""

FOREIGN = "Someone is speaking another language."
"""The caption of a section if most of its words are in a language that is not transcribed."""

_FRAMES_PER_TENTH = FRAMES_PER_SECOND // TENTHS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Section:
    """Words that follow each other, and how many of them are the first sentence."""

    words: tuple[Word, ...]
    num_leading: int

    @property
    def leading(self) -> tuple[Word, ...]:
        """The words of the first sentence."""
        return self.words[: self.num_leading]

    @property
    def caption(self) -> str:
        """The first sentence, as text."""
        known = [word.text for word in self.leading if OTHER_LANGUAGE not in word.text]
        if 2 * len(known) < len(self.leading):
            return FOREIGN
        spelled = " ".join(f"I{text[1:]}" if text == "i" or text.startswith("i'") else text for text in known)
        return f"{spelled[0].upper()}{spelled[1:]}."

    def interval(self, duration: int) -> Interval:
        """Return when the section is spoken, within a recording of `duration` tenths."""
        margin = MARGIN_S * TENTHS_PER_SECOND
        start = math.floor(self.words[0].start / _FRAMES_PER_TENTH - margin)
        end = min(duration, math.ceil(self.words[-1].end / _FRAMES_PER_TENTH + margin))
        return Interval(max(0, min(start, end - 1)), end)


def divide(words: Sequence[Word]) -> list[Section]:
    """Return the sections of the speech: the best division by the lengths of sections and of pauses between them."""
    if not words:
        return []
    pauses = [(after.start - before.end) / FRAMES_PER_SECOND for before, after in zip(words, words[1:], strict=False)]
    breaks = [0, *(place for place, pause in enumerate(pauses, 1) if pause >= SENTENCE_PAUSE_S), len(words)]
    best = [0.0] + [-math.inf] * (len(breaks) - 1)
    came_from = [0] * len(breaks)
    for end in range(1, len(breaks)):
        for start in range(end):
            seconds = (words[breaks[end] - 1].end - words[breaks[start]].start) / FRAMES_PER_SECOND
            gain = PAUSE_WEIGHT * math.log(pauses[breaks[start] - 1] / PAUSE_S) if start else 0.0
            score = best[start] + gain - math.log(seconds / TYPICAL_S) ** 2
            if score > best[end]:
                best[end], came_from[end] = score, start
    found: list[Section] = []
    end = len(breaks) - 1
    while end:
        start = came_from[end]
        found.append(_section(words[breaks[start] : breaks[end]]))
        end = start
    return found[::-1]


def phrases(words: Sequence[Word]) -> list[Section]:
    """Return all words, in stretches that end at a pause or at the word limit of a caption."""
    found: list[Section] = []
    rest = tuple(words)
    while rest:
        end = _sentence_end(rest, 1)
        found.append(Section(rest[:end], end))
        rest = rest[end:]
    return found


def _section(words: Sequence[Word]) -> Section:
    return Section(tuple(words), _sentence_end(words, SENTENCE_WORDS[0]))


def _sentence_end(words: Sequence[Word], fewest: int) -> int:
    """Return the number of words before the first pause that ends a sentence of at least `fewest`."""
    most = min(SENTENCE_WORDS[1], len(words))
    for place in range(fewest, most):
        if words[place].start - words[place - 1].end >= SENTENCE_PAUSE_S * FRAMES_PER_SECOND:
            return place
    return most
