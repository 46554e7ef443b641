"""The wordings of free questions about sounds: with a noun phrase ("Is there a dog?") or a verb ("Does a dog bark?").

The wordings are in `vocabulary/questions.json`; those of `held_out_questions.json` are never trained on. Each kind has
one subject and verb, in `vocabulary/clauses.json`.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from training.data.draws import choose
from training.data.instructions import COUNT_INSTRUCTIONS, DURATION_INSTRUCTIONS

Aim = Literal["yes_no", "when", "count", "duration"]
"""What a question about one sound asks for."""

VERB_SHARE: Final = 0.5
"""Probability of a question with a verb."""

_FOLDER: Final = Path(__file__).parent / "vocabulary"


class Clause(NamedTuple):
    """What makes a kind of sound, and what it does: `a dog`, `bark`, `barking`."""

    subject: str
    verb: str
    ing: str

    @property
    def is_plural(self) -> bool:
        """Whether the subject takes a plural verb."""
        has_article = self.subject.startswith(("a ", "an ", "the "))
        return not has_article and (self.subject.endswith("s") or self.subject == "people")

    def fill(self, template: str, *, definite: bool) -> str:
        """Fill in `{subject}`, `{verb}`, `{ing}`, `{does}`, `{is}` and `{was}`; `definite`: "the dog" for "a dog"."""
        article, _, noun = self.subject.partition(" ")
        subject = f"the {noun}" if definite and article in ("a", "an") else self.subject
        auxiliary = ("do", "are", "were") if self.is_plural else ("does", "is", "was")
        forms = dict(zip(("does", "is", "was"), auxiliary, strict=True))
        text = template.format(subject=subject, verb=self.verb, ing=self.ing, **forms)
        return text[0].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class FixedQuestions:
    """Questions that all have the same answer, whatever is heard."""

    questions: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Wordings:
    """Templates of questions about one sound, by their aim, and questions with a fixed answer."""

    with_noun: Mapping[Aim, Sequence[str]]
    """Templates with `{query}`."""
    with_verb: Mapping[Aim, Sequence[str]]
    """Templates for `Clause.fill`."""
    off_topic: FixedQuestions
    """Questions that listening cannot answer, and greetings."""
    other_language: FixedQuestions
    """Questions that are not in English."""

    def draw(self, kind: str, aim: Aim, nouns: Sequence[str], rng: np.random.Generator) -> str:
        """Draw a question about a kind: with its verb, or with one of its noun phrases."""
        if rng.random() < VERB_SHARE:
            template = choose(self.with_verb[aim], rng)
            return clauses()[kind].fill(template, definite=rng.random() < 0.5)
        template = choose(self.with_noun[aim], rng)
        return template.format(query=choose(nouns, rng))


@functools.cache
def clauses() -> dict[str, Clause]:
    """Return the clause of every kind."""
    return {kind: Clause(*parts) for kind, parts in _read("clauses.json").items()}


@functools.cache
def training_wordings() -> Wordings:
    """Return the wordings of training."""
    entry = _read("questions.json")
    return _wordings(
        entry,
        {
            "yes_no": entry["yes_no"],
            "when": entry["when"],
            "count": COUNT_INSTRUCTIONS,
            "duration": DURATION_INSTRUCTIONS,
        },
    )


@functools.cache
def held_out_wordings() -> Wordings:
    """Return the wordings for validation: questions about presence and times, and questions with a fixed answer."""
    entry = _read("held_out_questions.json")
    return _wordings(entry, {"yes_no": entry["yes_no"], "when": entry["when"]})


def _wordings(entry: Mapping[str, Any], with_noun: Mapping[Aim, Sequence[str]]) -> Wordings:
    answers = _read("questions.json")
    return Wordings(
        with_noun,
        {aim: tuple(entry[f"clause_{aim}"]) for aim in with_noun},
        FixedQuestions(tuple(entry["off_topic"]), answers["off_topic_answer"]),
        FixedQuestions(tuple(entry["other_language"]), answers["other_language_answer"]),
    )


def _read(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))
