"""What a query means: kinds of sound, or words that a caption has."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from timeaudio.archive.kinds import (
    ENDINGS,
    FILLERS,
    UNSPACED,
    Kind,
    groups,
    kinds,
    mentioned_kind,
    normalised,
    words_of,
)
from timeaudio.errors import ClientError

MAX_QUERY: Final = 1000
"""The longest query, in characters: each word takes time to match."""

_DOUBLED = "bdfgmnprt"  # stop, stopped
_EDGE = rf"(?:[^\p{{L}}\p{{N}}]|[{UNSPACED}])"  # a word boundary for RE2, whose \b handles ASCII only
_IS_UNSPACED = re.compile(f"[{UNSPACED}]+")


class QueryError(ClientError):
    """The query has no word to search for, or is too long."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One reading of a query. A caption matches if it contains all `patterns`, in lower case.

    `reason` says in words how the query was read. `kinds` are the names of the kinds that it was read as.
    """

    patterns: tuple[str, ...]
    reason: str
    kinds: tuple[str, ...] = ()

    def matches(self, caption: str) -> bool:
        """Return whether a caption matches, without RE2."""
        patterns = (pattern.replace(_EDGE, rf"[\W_{UNSPACED}]") for pattern in self.patterns)
        return all(re.search(pattern, caption.lower()) for pattern in patterns)


def meanings(query: str, *, only_words: bool = False) -> Iterator[Meaning]:
    """Yield the readings of a query; the first that finds anything counts.

    1. A kind or a group of kinds, if the query is one of its wordings, or has only words that describe it.
    2. The query's words: a caption has all of them, in any form and order. Text of a script without spaces, such as
       Chinese, may be anywhere in a caption.
    3. The kind that the query mentions, if it says more than the kind: "a small dog in a car" means dogs.

    `only_words` leaves out 1 and 3.

    Raises:
        QueryError: the query has no word to search for, or is too long.
    """
    if len(query) > MAX_QUERY:
        raise QueryError(f"The query has {len(query)} characters. Use at most {MAX_QUERY}.")
    text = normalised(query)
    words = [word for word in dict.fromkeys(words_of(query)) if word not in FILLERS]
    if not text:
        raise QueryError(f"{query!r} has no words. Say what to look for: timeaudio find 'a dog barking' ARCHIVE.")
    named = [] if only_words else _kinds_of(text)
    mentioned = None if only_words or named else mentioned_kind(query)
    if mentioned and all(word in mentioned.words for word in words):
        named = [mentioned]
    if named:
        own = [_word(words[0])] if len(words) == 1 else []  # "car" means car_horn and engine, and "A car passes."
        yield Meaning(
            ("|".join([*(kind.pattern for kind in named), *own]),), _listed(named), tuple(kind.name for kind in named)
        )
        return
    wanted = words or words_of(query)
    form = "" if all(map(_IS_UNSPACED.fullmatch, wanted)) else ", in any form"
    yield Meaning(tuple(map(_word, wanted)), f"captions with {' and '.join(wanted)}{form}")
    if mentioned:
        yield Meaning(
            (mentioned.pattern,), f"{_listed([mentioned])}, because no caption has all its words", (mentioned.name,)
        )


def _kinds_of(text: str) -> list[Kind]:
    """Return the kinds that a normalised query names."""
    known = kinds()
    if text in groups():
        return [known[name] for name in groups()[text]]
    return [kind for kind in known.values() if text in kind.phrases or text == kind.name.replace("_", " ")]


def _listed(found: list[Kind]) -> str:
    if len(found) > 1:
        return f"the kinds {', '.join(kind.name for kind in found)}"
    [kind] = found
    return f"the kind {kind.name} ({', '.join([*kind.keywords, *kind.names])})"


def _word(word: str) -> str:
    """Return an expression, in RE2's syntax, for all forms of a word, or for any part of a text without spaces.

    | word | expression, without its boundaries | matches |
    |---|---|---|
    | `birds` | `birdd?` | bird, birds |
    | `running` | `runn?` | run, runs, running |
    | `cries` | `cr[yi]` | cry, cries, cried, crying |
    """
    if _IS_UNSPACED.fullmatch(word):
        return word
    stem = re.sub(r"(?<=\w\w)(?:ies|ied)$", "y", word)
    if stem == word:
        stem = re.sub(r"(?<=\w\w\w)(?:ing|ed|es|s|e)$", "", word)
    if stem != word:
        stem = re.sub(rf"([{_DOUBLED}])\1$", r"\1", stem)
    doubled = f"{stem[-1]}?" if stem[-1] in _DOUBLED else ""
    form = f"{stem[:-1]}[yi]" if stem.endswith("y") else f"{stem}{doubled}"
    endings = ENDINGS if len(stem) > 1 else ""  # "r" is not "ring"
    return rf"(?:^|{_EDGE}){form}{endings}(?:$|{_EDGE})"
