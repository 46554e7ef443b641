"""Map a free-text caption to one of many classes, by the words of the classes' names.

The paper uses "a small language model" that it does not name. This method can be checked by hand, has no dependencies,
and is the same for every system in a table, but it misses synonyms.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

MIN_SHARE = 0.5
_FILLERS = frozenset(
    ("a", "an", "the", "of", "and", "or", "in", "on", "at", "to", "with", "is", "are", "be", "can", "sound")
)
_SUFFIXES = ("ings", "ing", "ers", "er", "ies", "es", "ed", "s", "e", "y")


def label_of(caption: str, labels: Sequence[str]) -> str | None:
    """Return the class whose name the caption covers most, or None where it covers less than half of every name.

    A name with commas has several readings ("Male speech, man speaking"), and brackets are left out. Words are compared
    without common endings; fillers ("the", "sounds") do not count, unless a reading has no other words. The class with
    the greatest covered share of a reading wins; ties go to the most covered words, then to the first class.

    | caption, with Dog; Bark; Male speech, man speaking; Wind noise (microphone) | class |
    |---|---|
    | `A man is speaking.` | Male speech, man speaking |
    | `A dog barks.` | Dog |
    | `Barking is audible.` | Bark |
    | `Something hums.` | None |
    """
    caption_stems = _stems(caption)
    best, best_rank = None, (MIN_SHARE, 0)
    for label in labels:
        for reading in _readings(label):
            hits = len(reading & caption_stems)
            rank = (hits / len(reading), hits)
            if rank > best_rank or (best is None and rank[0] >= MIN_SHARE):
                best, best_rank = label, rank
    return best


@lru_cache(maxsize=4096)
def _readings(label: str) -> tuple[frozenset[str], ...]:
    parts = re.sub(r"\([^)]*\)", "", label).split(",")
    return tuple(stems for part in parts if (stems := _stems(part) - _FILLERS or _stems(part)))


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in re.findall(r"[^\W\d_]+", text.lower()))
