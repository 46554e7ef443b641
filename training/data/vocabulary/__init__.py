"""The vocabulary of sound events: captions, queries and keywords of 52 kinds, and groups of kinds.

The wordings are JSON files in this folder; `training.data.questions` reads the files with questions. The kinds are the
50 classes of ESC-50, under the same names, plus `speech` and `music`.
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
        "chainsaw", "clock_tick", "crackling_fire", "crying_baby", "dog", "helicopter", "rain", "rooster", "sea_waves",
        "sneezing",
    }
)  # fmt: skip

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Wording:
    """The wordings of one kind of sound.

    `keywords` are stems, as `training.metrics.captions.kind_of` reads them; no caption of another kind contains one.
    `captions` are whole sentences, the plainest first. `queries` are noun phrases or clauses without a full stop, true
    of this kind and of no other.
    """

    keywords: tuple[str, ...]
    captions: tuple[str, ...]
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KindGroup:
    """Kinds that share a wording.

    Each query is true of all `kinds`, and false of all others except the `unsure` ones, about which people would
    disagree: do not ask it about a recording that has an `unsure` kind but none of `kinds`.
    """

    kinds: tuple[str, ...]
    queries: tuple[str, ...]
    unsure: tuple[str, ...] = ()


@functools.cache
def _read(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


@functools.cache
def vocabulary() -> dict[str, Wording]:
    """Return the wordings of every kind, sorted by name."""
    words: dict[str, Wording] = {}
    for path in sorted(_FOLDER.glob("kinds_*.json")):
        for kind, entry in _read(path.name).items():
            if kind in words:
                raise ValueError(f"{path.name} and another file both define {kind}")
            words[kind] = Wording(tuple(entry["keywords"]), tuple(entry["captions"]), tuple(entry["queries"]))
    return dict(sorted(words.items()))


@functools.cache
def groups() -> dict[str, KindGroup]:
    """Return the groups of kinds by name."""
    return {
        name: KindGroup(tuple(entry["kinds"]), tuple(entry["queries"]), tuple(entry["unsure"]))
        for name, entry in _read("groups.json").items()
    }


@functools.cache
def unknown_captions() -> tuple[str, ...]:
    """Return captions that say that a sound is unknown; the plainest first."""
    return tuple(_read("questions.json")["unknown"])


@functools.cache
def lexicon() -> dict[str, tuple[str, ...]]:
    """Return the keywords of every kind, for `training.metrics.captions.kind_of`."""
    return {kind: wording.keywords for kind, wording in vocabulary().items()}


@functools.cache
def held_out_wordings() -> dict[str, tuple[str, ...]]:
    """Return queries of every kind that training never uses, for validation."""
    return {kind: tuple(queries) for kind, queries in sorted(_read("held_out.json").items())}


@functools.cache
def synonyms() -> dict[str, tuple[str, ...]]:
    """Return words for the kinds, and for sounds that are none of them, by name. No training question uses them."""
    return {name: tuple(texts) for name, texts in _read("synonyms.json").items()}


def kind_of_label(label: str) -> str | None:
    """Return the kind that a data set's label means, `UNKNOWN`, or None.

    | label | result |
    |---|---|
    | `snare_drum` | `music` |
    | `dog` | `dog`: the name of a kind means that kind, unless `labels.json` says otherwise |
    | `owl` | `unknown`: certainly none of the kinds |
    | `traffic` | None: may or may not be one of the kinds; leave the recording out |
    | `xyz` | None: a label that nobody has reviewed |
    """
    labels: dict[str, str | None] = _read("labels.json")
    if label in labels:
        return labels[label]
    return label if label in vocabulary() else None
