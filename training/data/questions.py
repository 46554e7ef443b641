"""Questions about time: how many, how long, which first, and what happens at some second."""

from collections.abc import Sequence

import numpy as np

from model.audio.waveform import SAMPLE_RATE
from model.timeline.interval import Interval
from training.data.answers import MARKED, Example, Writing, captioned, ground_answer
from training.data.instructions import AT_INSTRUCTIONS, COUNT_INSTRUCTIONS, DURATION_INSTRUCTIONS, ORDER_INSTRUCTIONS
from training.data.more_words import GROUPS, wording

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

_ORDER_GAP = 5
"""Tenths of a second by which one kind has to begin before another to be called the first."""


def ask(
    found: dict[str, list[Interval]], num_samples: int, rng: np.random.Generator, writing: Writing = MARKED
) -> Example:
    """How many, how long, which first, or what happens at some second.

    The more often a kind is heard, the more often it is asked for: most are heard once, and counting is not learned
    from those.
    """
    named = [kind for kind in found if kind not in GROUPS]
    chance = rng.random()
    if chance < 0.2 or not named:
        return happens_at(found, num_samples, rng, writing)
    times = np.array([len(found[kind]) for kind in named])
    kind = str(rng.choice(named, p=times / times.sum()))
    if chance < 0.75:
        return count(kind, found[kind], rng, writing)
    if chance < 0.87:
        return duration(kind, found[kind], rng, writing)
    return first_of(found, rng, writing) or count(kind, found[kind], rng, writing)


def count(kind: str, intervals: Sequence[Interval], rng: np.random.Generator, writing: Writing = MARKED) -> Example:
    """How many times: all of them listed, then their number, which is easier to write after them than before."""
    question = str(rng.choice(COUNT_INSTRUCTIONS)).format(query=wording(kind).queries[1])
    return Example("ask", question, count_answer(intervals, writing))


def count_answer(intervals: Sequence[Interval], writing: Writing = MARKED) -> str:
    """All intervals and their number: `... seconds: two times.`."""
    number = NUMBERS[len(intervals)] if len(intervals) < len(NUMBERS) else str(len(intervals))
    return ground_answer(intervals, writing).rstrip(".") + f": {number} time{'s' * (len(intervals) != 1)}."


def duration(kind: str, intervals: Sequence[Interval], rng: np.random.Generator, writing: Writing = MARKED) -> Example:
    """How long in total: all intervals, then the sum in whole seconds."""
    question = str(rng.choice(DURATION_INSTRUCTIONS)).format(query=wording(kind).queries[1])
    return Example("ask", question, duration_answer(intervals, writing))


def duration_answer(intervals: Sequence[Interval], writing: Writing = MARKED) -> str:
    """All intervals and their sum: `... seconds: about 4 seconds in total.`."""
    total = sum(interval.end - interval.start for interval in intervals)
    seconds = max(1, (total + 5) // 10)
    return ground_answer(intervals, writing).rstrip(".") + f": about {seconds} second{'s' * (seconds != 1)} in total."


def first_of(found: dict[str, list[Interval]], rng: np.random.Generator, writing: Writing = MARKED) -> Example | None:
    """Which of two kinds begins first; None where no two begin half a second apart."""
    named = [kind for kind in found if kind not in GROUPS]
    pairs = [
        (one, other)
        for place, one in enumerate(named)
        for other in named[place + 1 :]
        if found[other][0].start - found[one][0].start >= _ORDER_GAP
    ]
    if not pairs:
        return None
    first, second = pairs[int(rng.integers(len(pairs)))]
    asked = (first, second) if rng.random() < 0.5 else (second, first)
    names = [wording(kind).queries[1] for kind in asked]
    question = str(rng.choice(ORDER_INSTRUCTIONS)).format(query=names[0], other=names[1])
    told = [(wording(kind).queries[1], writing.time(found[kind][0].start)) for kind in (first, second)]
    return Example("ask", question, f"First {told[0][0]} at {told[0][1]}, then {told[1][0]} at {told[1][1]} seconds.")


def happens_at(
    found: dict[str, list[Interval]], num_samples: int, rng: np.random.Generator, writing: Writing = MARKED
) -> Example:
    """What is heard at a whole second: the intervals around it, with captions; kinds by first start."""
    first = min((intervals[0].start for intervals in found.values()), default=10) // 10
    second = int(rng.integers(max(1, first - 1), max(first + 1, num_samples // SAMPLE_RATE)))
    question = str(rng.choice(AT_INSTRUCTIONS)).format(time=second)
    around = {
        kind: inside
        for kind, intervals in found.items()
        if (inside := [i for i in intervals if i.start <= 10 * second < i.end])
    }
    return Example("ask", question, captioned(around, rng, writing))
