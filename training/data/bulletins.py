"""The words of news: who did what and where, and the sentences that tell it."""

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

SUMMARIES = ("{who} {did} in {where}.", "In {where}, {who} {did}.", "{where}: {who} {did}.")
"""Of a section; the first is the reference. Each holds all three values as they are."""


def written(template: str, who: str, did: str, where: str) -> str:
    """A headline or summary with its facts, from a capital on."""
    text = template.format(who=who, did=did, where=where)
    return text[0].upper() + text[1:]
