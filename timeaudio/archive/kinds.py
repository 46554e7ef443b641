"""The kinds of sound that queries and captions name, and the words for each."""

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

ENDINGS: Final = "(?:e|s|es|d|ed|ing|ings|er|ers|y)?"
"""What may follow a stem: "bark" takes -s, -ed, -ing; "crackl" takes -e. "rain" does not take -bow."""

# Ranges for a character class in Python or RE2. Some are combining marks, which neither counts as letters.
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f"  # Japanese: hiragana, katakana
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
"""The letters of scripts that write no spaces between words."""

_WORD: Final = re.compile(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+")
# Words that say nothing about the sound.
FILLERS: Final = frozenset(
    _WORD.findall(
        "a an the some any this that these those it its is are was were be being been has have had can could do does "
        "there of in on at to and or with by from for as something someone somebody sound sounds noise noises hear "
        "heard s t i m re ve ll d"  # what is left of it's, isn't, I'm, they're, I've, it'll, I'd
    )
)
_BETWEEN: Final = r"\W+"  # words of a phrase: "chain saw" matches "chain-saw"


@dataclass(frozen=True)
class Kind:
    """One kind of sound.

    Attributes:
        name: as in ESC-50: `dog`, `car_horn`.
        keywords: stems, as in the vocabulary.
        phrases: all its queries, normalised.
        words: every word of its wordings.
    """

    name: str
    keywords: tuple[str, ...]
    phrases: frozenset[str]
    words: frozenset[str]

    @functools.cached_property  # a search needs one or two kinds, and the expressions of all take 30 ms to compile
    def names(self) -> tuple[str, ...]:
        """The queries that contain no keyword and that no caption of another kind contains: "canine"."""
        captions = (caption for kind, found in _captions().items() if kind != self.name for caption in found)
        others = f" {' '.join(captions)} "
        keyword = re.compile(_any_of(map(_keyword, self.keywords)))
        return tuple(sorted(p for p in self.phrases - FILLERS if not keyword.search(p) and f" {p} " not in others))

    @property
    def pattern(self) -> str:
        """A regular expression for captions of this kind in lower case, in the syntax that Python and RE2 share."""
        return _any_of([*map(_keyword, self.keywords), *map(_phrase, self.names)])


@functools.cache
def kinds() -> dict[str, Kind]:
    """Return every kind by name."""
    return {
        name: Kind(
            name=name,
            keywords=tuple(entry["keywords"]),
            phrases=frozenset(map(normalised, entry["queries"])),
            words=frozenset(word for text in entry["captions"] + entry["queries"] for word in words_of(text)),
        )
        for name, entry in _wordings()["kinds"].items()
    }


@functools.cache
def groups() -> dict[str, tuple[str, ...]]:
    """Return the names of kinds by normalised query: "farm animals" means cow, hen, pig, rooster and sheep."""
    return {
        normalised(query): tuple(group["kinds"])
        for group in _wordings()["groups"].values()
        for query in group["queries"]
    }


def normalised(text: str) -> str:
    """Return the words of a text in lower case, without an article at the start and "the sound of"."""
    plain = " ".join(words_of(text))
    return re.sub(r"^(?:a |an |the |some |any )?(?:(?:sounds?|noise) of )?(?:a |an |the |some |any )?(?=.)", "", plain)


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case. Text that a script without spaces writes together counts as one."""
    return _WORD.findall(text.lower())


def mentioned_kind(text: str) -> Kind | None:
    """Return the kind with the largest number of different keywords in a text; of several, the one mentioned first.

    `training.metrics.captions.kind_of` follows the same rule. A text without keywords may still contain a kind's name.
    """
    plain = " ".join(words_of(text))
    best, best_rank = None, (0, 0)
    for kind in kinds().values():
        possible = (keyword for keyword in kind.keywords if all(stem in plain for stem in keyword.split()))
        matches = (re.search(_keyword(keyword), plain) for keyword in possible)
        places = [match.start() for match in matches if match]
        if places and (best is None or (len(places), -min(places)) > best_rank):
            best, best_rank = kind, (len(places), -min(places))
    if best is None:
        possible_kinds = (kind for kind in kinds().values() if any(phrase in plain for phrase in kind.phrases))
        named = (kind for kind in possible_kinds if kind.names and re.search(_any_of(map(_phrase, kind.names)), plain))
        best = next(named, None)
    return best


@functools.cache
def _captions() -> dict[str, list[str]]:
    """Return the normalised captions of each kind."""
    return {name: [normalised(text) for text in entry["captions"]] for name, entry in _wordings()["kinds"].items()}


@functools.cache
def _wordings() -> dict[str, dict[str, dict[str, list[str]]]]:
    wordings: dict[str, dict[str, dict[str, list[str]]]] = json.loads(
        (files("timeaudio") / "archive" / "kinds.json").read_text(encoding="utf-8")
    )
    return wordings


def _any_of(expressions: Iterable[str]) -> str:
    return rf"\b(?:{'|'.join(expressions)})\b"


def _keyword(stems: str) -> str:
    """Return an expression for a keyword: one or more stems, which match consecutive words."""
    return rf"\b{_BETWEEN.join(stem + ENDINGS for stem in stems.split())}\b"


def _phrase(text: str) -> str:
    return _BETWEEN.join(text.split())
