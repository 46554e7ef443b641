"""From what happens in a scene to a question about it and the answer to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.audio.waveform import SAMPLES_PER_TENTH
from model.timeline.interval import Interval
from model.timeline.markers import format_interval
from training.data.composer import PlacedEvent
from training.data.words import (
    DENSE_CAPTION_INSTRUCTIONS,
    GROUND_INSTRUCTIONS,
    PARAPHRASE_INSTRUCTION,
    QUERY_FRAMES,
    WORDS,
)

NOTHING_HEARD = "No sound events are heard."
ABSENT = "The given query does not occur in the audio."
ABSENT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Example:
    """A question about a scene, and its answer in the words and times of the model."""

    task: Literal["dense_caption", "ground", "paraphrase"]
    question: str
    answer: str


def to_interval(event: PlacedEvent, num_samples: int) -> Interval:
    """An event's samples in tenths of a second, at least one long and inside of the scene."""
    last = num_samples // SAMPLES_PER_TENTH
    start = min(round(event.start / SAMPLES_PER_TENTH), last - 1)
    return Interval(start, max(start + 1, min(round(event.end / SAMPLES_PER_TENTH), last)))


def by_kind(events: Sequence[PlacedEvent], num_samples: int) -> dict[str, list[Interval]]:
    """The intervals of each kind that has words, kinds by first start. Sounds without words are not in any answer."""
    found: dict[str, list[Interval]] = {}
    for event in sorted(events, key=lambda e: (e.start, e.end)):
        if event.kind in WORDS:
            found.setdefault(event.kind, []).append(to_interval(event, num_samples))
    return found


def plain_interval(interval: Interval) -> str:
    """`0.2 - 12.5`: how a language model writes times before it knows markers."""
    return f"{interval.start_s:.1f} - {interval.end_s:.1f}"


def dense_caption(
    events: Sequence[PlacedEvent],
    num_samples: int,
    rng: np.random.Generator,
    write: Callable[[Interval], str] = format_interval,
) -> Example:
    """Every kind's intervals with one of its captions, by first start."""
    question = str(rng.choice(DENSE_CAPTION_INSTRUCTIONS))
    said = [
        ", ".join(map(write, intervals)) + " seconds, " + str(rng.choice(WORDS[kind].captions))
        for kind, intervals in by_kind(events, num_samples).items()
    ]
    return Example("dense_caption", question, " ".join(said) or NOTHING_HEARD)


def ground(
    events: Sequence[PlacedEvent],
    num_samples: int,
    rng: np.random.Generator,
    write: Callable[[Interval], str] = format_interval,
    *,
    named_share: float = 0.0,
    absent_share: float = ABSENT_SHARE,
) -> Example:
    """Where one kind happens, asked in any of its wordings; or, half of the time, that a kind does not happen.

    `named_share` of the queries are the plainest name of their kind.
    """
    present = by_kind(events, num_samples)
    kinds = [k for k in WORDS if k not in present]
    ask_absent = bool(kinds) and (not present or rng.random() < absent_share)
    choice = kinds if ask_absent else list(present)
    kind = choice[int(rng.integers(len(choice)))]
    query = WORDS[kind].queries[0] if rng.random() < named_share else draw_query(kind, rng)
    question = str(rng.choice(GROUND_INSTRUCTIONS)).format(query=query)
    answer = ABSENT if ask_absent else ground_answer(present[kind], write)
    return Example("ground", question, answer)


def paraphrase(rng: np.random.Generator) -> Example:
    """What a query means, whatever is heard: one of the captions of its kind.

    Who knows that can look it up in a timeline; a small language model does not learn both at once.
    """
    kind = str(rng.choice(list(WORDS)))
    question = PARAPHRASE_INSTRUCTION.format(query=draw_query(kind, rng))
    return Example("paraphrase", question, str(rng.choice(WORDS[kind].captions)))


def draw_query(kind: str, rng: np.random.Generator) -> str:
    """A query for a kind: a phrase, sometimes framed, or one of its captions; with a capital, or not."""
    words = WORDS[kind]
    if rng.random() < 0.75:
        query = str(rng.choice(words.queries))
        if rng.random() < 0.15:
            query = str(rng.choice(QUERY_FRAMES)).format(query)
    else:
        query = str(rng.choice(words.captions)).rstrip(".")
    return query.lower() if rng.random() < 0.7 else query[0].upper() + query[1:]


def ground_answer(intervals: Sequence[Interval], write: Callable[[Interval], str] = format_interval) -> str:
    """The sentence that names the intervals."""
    return "The given query happens in " + ", ".join(map(write, intervals)) + " seconds."
