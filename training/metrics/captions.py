"""Map a free-text caption to the kind of sound that it describes, by keywords.

The paper uses "a small language model" for this and does not name it. Keywords are weaker but can be checked by hand.
Use the same lexicon for all systems in a comparison.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+")

# What may follow a stem: "bark" takes -s, -ed, -ing; "crackl" takes -e, -es, -ing. "rain" does not take -bow.
_ENDINGS: Final = ("", "e", "s", "es", "d", "ed", "ing", "ings", "er", "ers", "y")

_UNKNOWN_PHRASES: Final = ("unidentified", "unknown", "not known", "unfamiliar", "cannot be", "unclear", "hard to")


def says_unknown(caption: str) -> bool:
    """Return whether a caption says that the sound is unknown, and so names no kind."""
    return any(words in caption.lower() for words in _UNKNOWN_PHRASES)


def kind_of(caption: str, lexicon: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return the kind that the caption mentions most, or None where it mentions none.

    A keyword is one or more stems, separated by spaces ("clock tick"). It matches consecutive words of the caption that
    equal its stems or a stem with one of a few endings, in any case. It does not match inside words: "train" does not
    match "rain", "season" does not match "sea".

    The kind with the most different matching keywords wins. Ties go to the kind mentioned first, then to the longest
    keyword at that place, then to the first in the lexicon.

    | caption, with dog: (dog, bark), rooster: (rooster, crow), rain: (rain,) | kind |
    |---|---|
    | `A dog barks in the rain.` | dog |
    | `Rain on a roof, dogs far away.` | rain |
    | `A train passes.` | None |
    """
    words = [word.casefold() for word in _WORD.findall(caption)]
    best, best_rank = None, (0, 0, 0)
    for kind, keywords in lexicon.items():
        matches = [
            (place, len(keyword)) for keyword in dict.fromkeys(keywords) if (place := _place(keyword, words)) >= 0
        ]
        if not matches:
            continue
        first = min(place for place, _ in matches)
        rank = (len(matches), -first, max(length for place, length in matches if place == first))
        if best is None or rank > best_rank:
            best, best_rank = kind, rank
    return best


def _place(keyword: str, words: Sequence[str]) -> int:
    """Return the index of the word where the keyword first matches, or -1."""
    stems = keyword.casefold().split()
    for place in range(len(words) - len(stems) + 1):
        if all(_is_form(word, stem) for word, stem in zip(words[place:], stems, strict=False)):
            return place
    return -1


def _is_form(word: str, stem: str) -> bool:
    return word.startswith(stem) and word[len(stem) :] in _ENDINGS
