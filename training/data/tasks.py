"""From what happens in a recording to a question about it and the answer to it.

The tasks' questions are drawn from six wordings each; a small language model is trained on all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.timeline.interval import Interval, union
from training.data.answers import (
    ABSENT,
    MARKED,
    NO_SPEECH,
    SECTION,
    Example,
    Writing,
    by_kind,
    captioned,
    ground_answer,
    to_interval,
)
from training.data.bulletins import FACTS, SUMMARIES, written
from training.data.composer import PlacedEvent
from training.data.instructions import SUMMARIZE_INSTRUCTIONS
from training.data.more_words import GROUPS, MORE_WORDS, wording
from training.data.questions import ask
from training.data.words import (
    DENSE_CAPTION_INSTRUCTIONS,
    GROUND_INSTRUCTIONS,
    PARAPHRASE_INSTRUCTION,
    QUERY_FRAMES,
    WORDS,
)

NAMED = (*WORDS, *MORE_WORDS)
"""The kinds that can be asked for by name."""

SPOKEN = frozenset({"man_speaking", "woman_speaking", "some_voice"})
"""Kinds by which it is known that somebody may be speaking."""

TOWNS = tuple(f"where:{town}" for town in FACTS["where"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often what is asked; what is left asks for dense captions."""

    ground: float = 0.5
    ask: float = 0.0
    summarize: float = 0.0
    """Share of questions for a summary where nobody speaks."""
    paraphrase: float = 0.0
    named: float = 0.0
    """Share of queries that are the plainest name of what they ask for."""
    grouped: float = 0.0
    """Share of queries for any sound of a group ("an animal")."""
    absent: float = 0.5
    """Share of queries for what does not happen."""
    ten: float = 1.0
    """Share of queries for absent kinds that are about the ten best-known ones."""


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
    if (chance := chance - shares.ground) < shares.ask:
        return ask(found, num_samples, rng, writing)
    if chance - shares.ask < shares.summarize and not found.keys() & SPOKEN:
        return summarize(events, num_samples, rng, writing)
    return dense_caption(found, rng, writing)


def draw_spoken_example(
    events: Sequence[PlacedEvent], num_samples: int, rng: np.random.Generator, shares: Shares, writing: Writing
) -> Example:
    """A question about a bulletin: mostly for its summary, else for news from a town, or as about any sound."""
    chance = rng.random()
    if chance < 0.65:
        return summarize(events, num_samples, rng, writing)
    if chance < 0.85:
        return news(events, num_samples, rng, shares, writing)
    return draw_example(events, num_samples, rng, shares, writing)


def dense_caption(found: dict[str, list[Interval]], rng: np.random.Generator, writing: Writing = MARKED) -> Example:
    """Every kind's intervals with one of its captions, by first start."""
    question = str(rng.choice(DENSE_CAPTION_INSTRUCTIONS))
    return Example("dense_caption", question, captioned(found, rng, writing))


def ground(
    found: dict[str, list[Interval]],
    rng: np.random.Generator,
    writing: Writing = MARKED,
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


def summarize(
    events: Sequence[PlacedEvent], num_samples: int, rng: np.random.Generator, writing: Writing = MARKED
) -> Example:
    """Each section of a bulletin with what it tells, as far as it was heard to be told."""
    question = str(rng.choice(SUMMARIZE_INSTRUCTIONS))
    told = [
        f"{writing.interval(to_interval(section, num_samples))}, {written(SUMMARIES[0], **facts)}"
        for section, facts in told_sections(events)
    ]
    return Example("summarize", question, " ".join(told) or NO_SPEECH)


def told_sections(events: Sequence[PlacedEvent]) -> list[tuple[PlacedEvent, dict[str, str]]]:
    """The sections of which all three facts were heard, by start, and who did what where in each."""
    told = []
    for section in sorted((e for e in events if e.kind == SECTION), key=lambda e: e.start):
        facts = {
            name.partition(":")[0]: name.partition(":")[2]
            for name in (e.kind for e in events if ":" in e.kind and section.start <= e.start < section.end)
        }
        if len(facts) == len(FACTS):
            told.append((section, facts))
    return told


def news(
    events: Sequence[PlacedEvent],
    num_samples: int,
    rng: np.random.Generator,
    shares: Shares = Shares(),
    writing: Writing = MARKED,
) -> Example:
    """When there is news from a town: the sections that were heard to tell of it; or that there is none."""
    sections = sorted((e for e in events if e.kind == SECTION), key=lambda e: e.start)
    found: dict[str, list[Interval]] = {}
    for event in events:
        told_in = [s for s in sections if s.start <= event.start < s.end]
        if event.kind in TOWNS and told_in:
            found.setdefault(event.kind, []).append(to_interval(told_in[0], num_samples))
    absent = [town for town in TOWNS if town not in found]
    names = absent if not found or (absent and rng.random() < shares.absent) else list(found)
    town = names[int(rng.integers(len(names)))]
    query = f"news from {town.partition(':')[2]}"
    query = query.lower() if rng.random() < 0.2 else query  # some ask so, but a town has a capital
    question = str(rng.choice(GROUND_INSTRUCTIONS)).format(query=query)
    return Example("ground", question, ground_answer(found[town], writing) if town in found else ABSENT)


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
