"""The words of sound events: captions, queries and keywords of 52 kinds, groups of them, and questions.

The words lie in this folder as JSON files. The kinds are the 50 of ESC-50, by its names, and `speech` and `music`.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

UNKNOWN: Final = "unknown"

# The kinds of ESC-10, a part of ESC-50.
TEN: Final = frozenset(
    {
        "chainsaw",
        "clock_tick",
        "crackling_fire",
        "crying_baby",
        "dog",
        "helicopter",
        "rain",
        "rooster",
        "sea_waves",
        "sneezing",
    }
)

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one kind of sound.

    `keywords` are stems, as `training.metrics.captions.kind_of` reads them; no caption of another kind holds one.
    `captions` are whole sentences, the plainest first. `queries` are noun phrases or clauses without a full stop, true
    of this kind and of no other.
    """

    keywords: tuple[str, ...]
    captions: tuple[str, ...]
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds that one wording names together.

    Each of the `queries` is true of every one of `kinds`. Of `unsure` kinds people would disagree: where one of those
    is heard and none of `kinds`, the query should not be asked. Of all other kinds the queries are false.
    """

    kinds: tuple[str, ...]
    queries: tuple[str, ...]
    unsure: tuple[str, ...] = ()


def _read(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


@functools.cache
def vocabulary() -> dict[str, Wording]:
    """The words of every kind, by name, sorted."""
    words: dict[str, Wording] = {}
    for path in sorted(_FOLDER.glob("kinds_*.json")):
        for kind, told in _read(path.name).items():
            if kind in words:
                raise ValueError(f"{path.name} tells of {kind}, as another file does")
            words[kind] = Wording(tuple(told["keywords"]), tuple(told["captions"]), tuple(told["queries"]))
    return dict(sorted(words.items()))


@functools.cache
def groups() -> dict[str, Group]:
    """Groups of kinds, by name."""
    return {
        name: Group(tuple(told["kinds"]), tuple(told["queries"]), tuple(told["unsure"]))
        for name, told in _read("groups.json").items()
    }


@functools.cache
def unknown_captions() -> tuple[str, ...]:
    """Humble captions of a sound that cannot be named; the plainest first."""
    return tuple(_read("questions.json")["unknown"])


@functools.cache
def lexicon() -> dict[str, tuple[str, ...]]:
    """The keywords of every kind, for `training.metrics.captions.kind_of`."""
    return {kind: wording.keywords for kind, wording in vocabulary().items()}


@functools.cache
def held_out_wordings() -> dict[str, tuple[str, ...]]:
    """Queries of every kind that training never asks; for validation only."""
    return {kind: tuple(queries) for kind, queries in sorted(_read("held_out.json").items())}


@functools.cache
def yes_no_questions() -> tuple[str, ...]:
    """Templates of questions whose answer is yes or no, with `{query}`."""
    return tuple(_read("questions.json")["yes_no"])


@functools.cache
def off_topic() -> tuple[tuple[str, ...], str]:
    """Questions that are not about the sound, and what to answer to each."""
    told = _read("questions.json")
    return tuple(told["off_topic"]), told["off_topic_answer"]


@functools.cache
def off_topic_held_out() -> tuple[str, ...]:
    """More questions that are not about the sound, which training never asks; for validation only."""
    return tuple(_read("questions.json")["off_topic_held_out"])


@functools.cache
def _labels() -> dict[str, str | None]:
    labels: dict[str, str | None] = _read("labels.json")
    return labels


def kind_of_label(label: str) -> str | None:
    """The kind that a collection's label means, `UNKNOWN`, or None.

    | label | answer |
    |---|---|
    | `snare_drum` | `music` |
    | `dog` | `dog`: a label that is the name of a kind means it, where the file does not say otherwise |
    | `owl` | `unknown`: surely none of the kinds |
    | `traffic` | None: may or may not be one of the kinds; leave the recording out |
    | `xyz` | None: a label that no one has looked at |
    """
    labels = _labels()
    if label in labels:
        return labels[label]
    return label if label in vocabulary() else None
