"""The words of spoken bulletins: sections of a headline, which tells who did what and where, and of fillers.

A tenth of all combinations of facts is never trained on: who has learned to hear facts can sum those up all the same,
and who has learned combinations by heart cannot.
"""

import hashlib
from itertools import product

FACTS: dict[str, tuple[str, ...]] = {
    "who": (
        "the mayor", "a farmer", "the captain", "a student", "the president", "a plumber", "the bishop", "an engineer",
        "the champion", "a gardener", "the orchestra", "a pilot", "the professor", "a fisherman", "the queen",
        "a librarian",
    ),
    "did": (
        "opened a new bridge", "found a silver coin", "planted forty apple trees", "repaired the church clock",
        "won the chess tournament", "rescued a lost dog", "painted a giant mural", "sold the old castle",
        "baked an enormous cake", "discovered a hidden cave", "closed the busy harbour", "lost a golden ring",
        "wrote a book about bees", "bought seven wild horses", "climbed the highest tower", "stopped a runaway train",
        "invented a quiet engine", "signed the peace treaty", "broke the swimming record", "launched a weather balloon",
        "started a music school", "cancelled the summer festival", "caught a huge salmon", "donated a rare painting",
    ),
    "where": (
        "Lisbon", "Geneva", "Toronto", "Chicago", "Madrid", "Helsinki", "Cairo", "Oslo", "Nairobi", "Amsterdam",
        "Havana", "Kyoto", "Istanbul", "Prague", "Boston", "Singapore",
    ),
}  # fmt: skip
"""What a headline tells: values by the question that they answer."""

FACT_NAMES: tuple[str, ...] = tuple(f"{key}:{value}" for key, values in FACTS.items() for value in values)
"""A fact's name is `who:the mayor`. All of them, in order."""

FACT_PLACES = {name: place for place, name in enumerate(FACT_NAMES)}

HEADLINES = (
    "{who} {did} in {where}.",
    "In {where}, {who} {did}.",
    "News from {where}: {who} {did}.",
    "Yesterday in {where}, {who} {did}.",
    "Last night {who} {did} in {where}.",
    "{who} {did} this week in {where}.",
    "We hear from {where} that {who} {did}.",
    "From {where} comes word that {who} {did}.",
    "Our reporter in {where} says that {who} {did}.",
    "It is now certain that {who} {did} in {where}.",
)

SUMMARIES = ("{who} {did} in {where}.", "In {where}, {who} {did}.", "{where}: {who} {did}.")
"""Of a section; the first is the reference. Each holds all three values as they are."""

FILLERS = (
    "Many people had come to see it.", "It took the whole morning.", "Nobody had asked for it.",
    "The weather was fine that day.", "Some said that it was about time.", "It had been planned for years.",
    "The costs are not yet known.", "A small crowd cheered for an hour.", "There was music until midnight.",
    "Neighbours called it a pleasant surprise.", "Experts are still in doubt.", "It is the third time since spring.",
    "The police had nothing to add.", "More will be known on Friday.", "Children sang and waved little flags.",
    "A spokesman refused to answer.", "It rained a little towards the end.", "Everybody went home happy.",
    "Nothing like it has happened before.", "Local shops stayed shut all afternoon.",
    "There will be a party next month.", "The event was shown on television.", "Visitors were given tea and biscuits.",
    "Traffic had to wait for twenty minutes.", "No one was hurt.", "A second attempt may follow.",
    "The reasons remain unclear.", "It was not as easy as it looked.", "Friends and family were very proud.",
    "Several witnesses took photographs.", "The whole affair was over by noon.", "Opinions differ about the outcome.",
    "An old rule made it possible.", "Plans for the future are being discussed.", "It began as a joke among friends.",
    "Not everyone was pleased, however.", "The evening papers wrote about nothing else.",
    "It was cold, but nobody minded.", "Further details will be given later.", "A short speech was made afterwards.",
)  # fmt: skip
"""Sentences that any section may hold: no fact is in them."""

HELD_OUT_SHARE = 0.1
LETTERS = {" ": 1.0, ",": 3.0, ":": 3.0, ".": 0.0}
"""How many letters a word's beginning takes, and a stop, when time is shared out among letters."""


def is_held_out(who: str, did: str, where: str) -> bool:
    """Whether this combination of facts is for validation alone: the same answer on every machine."""
    digest = hashlib.sha256("\0".join((who, did, where)).encode()).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT_SHARE * 2**64


def combinations(*, held_out: bool) -> list[dict[str, str]]:
    """All combinations of facts on one side of the split."""
    every = [dict(zip(FACTS, values, strict=True)) for values in product(*FACTS.values())]
    return [facts for facts in every if is_held_out(**facts) == held_out]


def written(template: str, who: str, did: str, where: str) -> str:
    """A headline or summary with its facts, from a capital on."""
    text = template.format(who=who, did=did, where=where)
    return text[0].upper() + text[1:]


def share_of(phrase: str, text: str) -> tuple[float, float]:
    """Between which shares of the time that `text` takes the phrase in it is said, if every letter takes as long.

    A word begins with a constant, and a comma or colon is a pause. How far this is off: docs/training.md.

    Raises:
        ValueError: the phrase is not in the text, whatever its capitals.
    """
    first = text.lower().index(phrase.lower())
    costs = [LETTERS.get(letter, 1.0) for letter in text]
    return sum(costs[:first]) / sum(costs), sum(costs[: first + len(phrase)]) / sum(costs)
