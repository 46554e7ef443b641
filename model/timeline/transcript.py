"""Joins the transcripts of two overlapping passes at a word that both of them recognised.

A phrase has a time, but its words do not. They are estimated from the number of letters before them.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.sections import FOREIGN, SENTENCE_WORDS

RUN = 2
"""The fewest successive words that must agree for a seam between them."""
NEAR = 3
"""The most tenths between two parts of one phrase."""
FAR = 30
"""The most tenths between the estimated times of one word in both passes."""


class _Placed(NamedTuple):
    """A word, the number of its phrase, and the estimated times at which it begins and ends, in tenths."""

    text: str
    phrase: int
    start: float
    end: float


def join_transcripts(first: Sequence[Event], second: Sequence[Event], lap: Interval) -> list[Event]:
    """Return the phrases of two passes that overlap in `lap`, in order of time, each word once.

    The first pass's words count up to the seam, the second's after it. The seam follows the word nearest to the middle
    of the overlap that both passes recognised; without such a word, it is the middle itself.
    """
    first, second = sorted(first, key=_start), sorted(second, key=_start)
    mine, others = _words(first), _words(second)
    num_mine, num_others = _seam(mine, others, lap.middle)
    kept = _phrases(first, mine, 0, num_mine)
    rest = _phrases(second, others, num_others, len(others))
    if not kept or not rest:
        return [*kept, *rest]
    if _is_inside(mine, num_mine) or _is_inside(others, num_others):
        kept[-1:], rest[:1] = _as_one(kept[-1], rest[0]), []
    return [*kept, *(_not_before(kept[-1].intervals[0].end, event) for event in rest)]


def _seam(first: Sequence[_Placed], second: Sequence[_Placed], cut: int) -> tuple[int, int]:
    """Return how many words of the first count, and how many of the second do not."""
    matcher = SequenceMatcher(None, [word.text for word in first], [word.text for word in second], autojunk=False)
    shared = [
        (abs(first[i].end + second[j].end - 2 * cut), i + 1, j + 1)
        for block in matcher.get_matching_blocks()
        if block.size >= RUN
        for i, j in zip(range(block.a, block.a + block.size), range(block.b, block.b + block.size), strict=True)
        if abs(first[i].end - second[j].end) <= FAR
    ]
    if shared:
        return min(shared)[1:]
    return sum(word.start < cut for word in first), sum(word.start < cut for word in second)


def _words(phrases: Sequence[Event]) -> list[_Placed]:
    """Return the words of phrases. A stretch in another language is one word."""
    words = []
    for number, phrase in enumerate(phrases):
        [interval] = phrase.intervals
        texts = [phrase.caption] if phrase.caption == FOREIGN else phrase.caption.removesuffix(".").split()
        rate = interval.length / max(1, sum(len(text) + 1 for text in texts))
        start = float(interval.start)
        for text in texts:
            end = start + rate * (len(text) + 1)
            words.append(_Placed(text if text == FOREIGN else text.lower(), number, start, end))
            start = end
    return words


def _phrases(phrases: Sequence[Event], words: Sequence[_Placed], first: int, last: int) -> list[Event]:
    """Return the phrases with only the words from number `first` to before `last`."""
    kept = []
    numbered = groupby(enumerate(words), key=lambda each: each[1].phrase)
    for number, group in numbered:
        phrase, begins = phrases[number], next(group)[0]
        ends = begins + 1 + sum(1 for _ in group)
        if first <= begins and ends <= last:
            kept.append(phrase)
        elif begins < last and first < ends:
            kept.append(_part(phrase, words[begins:ends], max(0, first - begins), min(ends, last) - begins))
    return kept


def _part(phrase: Event, words: Sequence[_Placed], first: int, last: int) -> Event:
    """Return a phrase with only some of its words, without the others' time."""
    caption = " ".join(phrase.caption.removesuffix(".").split()[first:last])
    [interval] = phrase.intervals
    start = min(round(words[first].start), interval.end - 1) if first else interval.start
    end = max(round(words[last - 1].end), start + 1) if last < len(words) else interval.end
    part = replace(interval, start=start, end=end)
    return Event((part,), f"{caption[0].upper()}{caption[1:]}.")


def _is_inside(words: Sequence[_Placed], place: int) -> bool:
    """Return whether the words before and after `place` belong to one phrase."""
    return 0 < place < len(words) and words[place - 1].phrase == words[place].phrase


def _as_one(first: Event, second: Event) -> list[Event]:
    """Return the two parts of a phrase as one; both if a pause is between them or one caption cannot hold them."""
    [interval], [other] = first.intervals, second.intervals
    words = second.caption.split()
    is_long = len(first.caption.split()) + len(words) > SENTENCE_WORDS[1]
    if is_long or other.start - interval.end > NEAR or FOREIGN in (first.caption, second.caption):
        return [first, second]
    if not re.match(r"I\b", words[0]):
        words[0] = words[0].lower()
    return [Event((interval.until(other),), f"{first.caption.removesuffix('.')} {' '.join(words)}")]


def _not_before(time: int, phrase: Event) -> Event:
    [interval] = phrase.intervals
    start = max(interval.start, min(time, interval.end - 1))
    return Event((Interval(start, interval.end, interval.confidence),), phrase.caption)


def _start(phrase: Event) -> int:
    return phrase.intervals[0].start
