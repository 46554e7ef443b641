"""From what happens in a recording to a question about it and the answer to it.

The tasks' questions are drawn from six wordings each; a small language model is trained on all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.audio.waveform import SAMPLE_RATE, SAMPLES_PER_TENTH
from model.timeline.interval import Interval, union
from model.timeline.markers import format_interval, format_time
from training.data.bulletins import SUMMARIES, written
from training.data.composer import PlacedEvent
from training.data.instructions import (
    AT_INSTRUCTIONS,
    COUNT_INSTRUCTIONS,
    DURATION_INSTRUCTIONS,
    ORDER_INSTRUCTIONS,
    SUMMARIZE_INSTRUCTIONS,
)
from training.data.more_words import GROUPS, MORE_WORDS, wording
from training.data.words import (
    DENSE_CAPTION_INSTRUCTIONS,
    GROUND_INSTRUCTIONS,
    PARAPHRASE_INSTRUCTION,
    QUERY_FRAMES,
    WORDS,
)

NOTHING_HEARD = "No sound events are heard."
NO_SPEECH = "No speech is heard."
ABSENT = "The given query does not occur in the audio."

SECTION = "section"
"""The kind of a spoken section: its times matter, and what is said in it."""

NAMED = (*WORDS, *MORE_WORDS)
"""The kinds that can be asked for by name."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

_ORDER_GAP = 5
"""Tenths of a second by which one kind has to begin before another to be called the first."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question about a recording, and its answer in the words and times of the model."""

    task: Literal["dense_caption", "ground", "summarize", "ask", "paraphrase"]
    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often what is asked; what is left asks for dense captions."""

    ground: float = 0.5
    ask: float = 0.0
    paraphrase: float = 0.0
    named: float = 0.0
    """Share of queries that are the plainest name of what they ask for."""
    grouped: float = 0.0
    """Share of queries for any sound of a group ("an animal")."""
    absent: float = 0.5
    """Share of queries for what does not happen."""
    ten: float = 1.0
    """Share of queries for absent kinds that are about the ten best-known ones."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How times are spelled: as markers, or as plain numbers for a language model that does not know those yet."""

    interval: Callable[[Interval], str] = format_interval
    time: Callable[[int], str] = format_time


PLAIN = Writing(lambda i: f"{i.start_s:.1f} - {i.end_s:.1f}", lambda tenths: f"{tenths / 10:.1f}")
"""`0.2 - 12.5`"""


def to_interval(event: PlacedEvent, num_samples: int) -> Interval:
    """An event's samples in tenths of a second, at least one long and inside of the scene."""
    last = num_samples // SAMPLES_PER_TENTH
    start = min(round(event.start / SAMPLES_PER_TENTH), last - 1)
    return Interval(start, max(start + 1, min(round(event.end / SAMPLES_PER_TENTH), last)))


def by_kind(events: Sequence[PlacedEvent], num_samples: int) -> dict[str, list[Interval]]:
    """The intervals of each kind that has words, kinds by first start. Sounds without words are not in any answer."""
    found: dict[str, list[Interval]] = {}
    for event in sorted(events, key=lambda e: (e.start, e.end)):
        if event.kind in WORDS or event.kind in MORE_WORDS or event.kind in GROUPS:
            found.setdefault(event.kind, []).append(to_interval(event, num_samples))
    return found


def draw_example(
    events: Sequence[PlacedEvent], num_samples: int, rng: np.random.Generator, shares: Shares, writing: Writing
) -> Example:
    """A question about sounds, of a task drawn by its share."""
    found = by_kind(events, num_samples)
    chance = rng.random()
    if chance < shares.paraphrase:
        return paraphrase(rng)
    if (chance := chance - shares.paraphrase) < shares.ground:
        return ground(found, rng, writing, shares)
    if chance - shares.ground < shares.ask:
        return ask(found, num_samples, rng, writing)
    return dense_caption(found, rng, writing)


def draw_spoken_example(
    events: Sequence[PlacedEvent], num_samples: int, rng: np.random.Generator, shares: Shares, writing: Writing
) -> Example:
    """A question about a bulletin: mostly for its summary, else as about any sound."""
    if rng.random() < 0.8:
        return summarize(events, num_samples, rng, writing)
    return draw_example(events, num_samples, rng, shares, writing)


def dense_caption(found: dict[str, list[Interval]], rng: np.random.Generator, writing: Writing = Writing()) -> Example:
    """Every kind's intervals with one of its captions, by first start."""
    question = str(rng.choice(DENSE_CAPTION_INSTRUCTIONS))
    return Example("dense_caption", question, _captioned(found, rng, writing))


def _captioned(found: dict[str, list[Interval]], rng: np.random.Generator, writing: Writing) -> str:
    said = [
        _list(intervals, writing) + " seconds, " + str(rng.choice(wording(kind).captions))
        for kind, intervals in found.items()
    ]
    return " ".join(said) or NOTHING_HEARD


def _list(intervals: Sequence[Interval], writing: Writing) -> str:
    return ", ".join(map(writing.interval, intervals))


def ground(
    found: dict[str, list[Interval]],
    rng: np.random.Generator,
    writing: Writing = Writing(),
    shares: Shares = Shares(),
) -> Example:
    """Where a kind, or any kind of a group, happens, asked in any of its wordings; or that it does not happen."""
    if rng.random() < shares.grouped:
        query, intervals = _grouped(found, rng, shares)
    else:
        kind = _draw_kind(found, rng, shares)
        query = wording(kind).queries[0] if rng.random() < shares.named else draw_query(kind, rng)
        intervals = found.get(kind, [])
    question = str(rng.choice(GROUND_INSTRUCTIONS)).format(query=query)
    return Example("ground", question, ground_answer(intervals, writing) if intervals else ABSENT)


def _draw_kind(found: dict[str, list[Interval]], rng: np.random.Generator, shares: Shares) -> str:
    """A kind that is there, or one that is not. Of what is only known by its group, nobody knows which kind it is."""
    present = [kind for kind in found if kind not in GROUPS]
    doubtful = {kind for group in found if group in GROUPS for kind in GROUPS[group].kinds}
    if present and rng.random() >= shares.absent:
        return present[int(rng.integers(len(present)))]
    names = tuple(WORDS) if rng.random() < shares.ten else NAMED
    absent = [kind for kind in names if kind not in found and kind not in doubtful]
    return absent[int(rng.integers(len(absent)))] if absent else present[int(rng.integers(len(present)))]


def _grouped(found: dict[str, list[Interval]], rng: np.random.Generator, shares: Shares) -> tuple[str, list[Interval]]:
    """A query for a group, and when any sound of it is heard; nothing where people would disagree."""

    def members(name: str) -> list[str]:
        return [kind for kind in found if kind == name or kind in GROUPS[name].kinds]

    def is_unsure(name: str) -> bool:
        return any(kind in GROUPS[name].unsure for kind in found)

    present = [name for name in GROUPS if members(name)]
    absent = [name for name in GROUPS if not members(name) and not is_unsure(name)]
    names = absent if absent and (not present or rng.random() < shares.absent) else present
    name = names[int(rng.integers(len(names)))] if names else "some_voice"
    query = _framed(str(rng.choice(GROUPS[name].queries)), rng)
    return query, union(interval for kind in members(name) for interval in found[kind])


def ask(
    found: dict[str, list[Interval]], num_samples: int, rng: np.random.Generator, writing: Writing = Writing()
) -> Example:
    """How many, how long, which first, or what happens at some second."""
    named = [kind for kind in found if kind not in GROUPS]
    chance = rng.random()
    if chance < 0.25 or not named:
        return happens_at(found, num_samples, rng, writing)
    kinds = [kind for kind in named if len(found[kind]) > 1] if rng.random() < 0.5 else named
    kind = str(rng.choice(kinds or named))
    if chance < 0.6:
        return count(kind, found[kind], rng, writing)
    if chance < 0.8:
        return duration(kind, found[kind], rng, writing)
    return first_of(found, rng, writing) or count(kind, found[kind], rng, writing)


def count(kind: str, intervals: Sequence[Interval], rng: np.random.Generator, writing: Writing = Writing()) -> Example:
    """How many times: all of them listed, then their number, which is easier to write after them than before."""
    question = str(rng.choice(COUNT_INSTRUCTIONS)).format(query=wording(kind).queries[1])
    return Example("ask", question, count_answer(intervals, writing))


def count_answer(intervals: Sequence[Interval], writing: Writing = Writing()) -> str:
    """All intervals and their number: `... seconds: two times.`."""
    number = NUMBERS[len(intervals)] if len(intervals) < len(NUMBERS) else str(len(intervals))
    return ground_answer(intervals, writing).rstrip(".") + f": {number} time{'s' * (len(intervals) != 1)}."


def duration(
    kind: str, intervals: Sequence[Interval], rng: np.random.Generator, writing: Writing = Writing()
) -> Example:
    """How long in total: all intervals, then the sum in whole seconds."""
    question = str(rng.choice(DURATION_INSTRUCTIONS)).format(query=wording(kind).queries[1])
    return Example("ask", question, duration_answer(intervals, writing))


def duration_answer(intervals: Sequence[Interval], writing: Writing = Writing()) -> str:
    """All intervals and their sum: `... seconds: about 4 seconds in total.`."""
    total = sum(interval.end - interval.start for interval in intervals)
    seconds = max(1, (total + 5) // 10)
    return ground_answer(intervals, writing).rstrip(".") + f": about {seconds} second{'s' * (seconds != 1)} in total."


def first_of(
    found: dict[str, list[Interval]], rng: np.random.Generator, writing: Writing = Writing()
) -> Example | None:
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
    found: dict[str, list[Interval]], num_samples: int, rng: np.random.Generator, writing: Writing = Writing()
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
    return Example("ask", question, _captioned(around, rng, writing))


def summarize(
    events: Sequence[PlacedEvent], num_samples: int, rng: np.random.Generator, writing: Writing = Writing()
) -> Example:
    """Each section of a bulletin with what it tells, as far as it was heard to be told."""
    question = str(rng.choice(SUMMARIZE_INSTRUCTIONS))
    told = []
    for section in sorted((e for e in events if e.kind == SECTION), key=lambda e: e.start):
        facts = {
            name.partition(":")[0]: name.partition(":")[2]
            for name in (e.kind for e in events if ":" in e.kind and section.start <= e.start < section.end)
        }
        if len(facts) == 3:
            interval = writing.interval(to_interval(section, num_samples))
            told.append(f"{interval}, {written(SUMMARIES[0], **facts)}")
    return Example("summarize", question, " ".join(told) or NO_SPEECH)


def paraphrase(rng: np.random.Generator) -> Example:
    """What a query means, whatever is heard: one of the captions of its kind.

    Who knows that can look it up in a timeline; a small language model does not learn both at once.
    """
    kind = str(rng.choice(NAMED if rng.random() < 0.6 else tuple(WORDS)))
    question = PARAPHRASE_INSTRUCTION.format(query=draw_query(kind, rng))
    return Example("paraphrase", question, str(rng.choice(wording(kind).captions)))


def draw_query(kind: str, rng: np.random.Generator) -> str:
    """A query for a kind: a phrase, sometimes framed, or one of its captions; with a capital, or not."""
    words = wording(kind)
    if rng.random() < 0.75:
        return _framed(str(rng.choice(words.queries)), rng)
    return _cased(str(rng.choice(words.captions)).rstrip("."), rng)


def _framed(query: str, rng: np.random.Generator) -> str:
    if rng.random() < 0.15:
        query = str(rng.choice(QUERY_FRAMES)).format(query)
    return _cased(query, rng)


def _cased(query: str, rng: np.random.Generator) -> str:
    return query.lower() if rng.random() < 0.7 else query[0].upper() + query[1:]


def ground_answer(intervals: Sequence[Interval], writing: Writing = Writing()) -> str:
    """The sentence that names the intervals."""
    return "The given query happens in " + _list(intervals, writing) + " seconds."
