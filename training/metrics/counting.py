"""Extract counts from answers to "how many" questions."""

import re

_WORDS = {
    word: value
    for value, words in enumerate(
        (
            "zero no none never", "one once single", "two twice couple", "three thrice", "four", "five", "six", "seven",
            "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
            "eighteen", "nineteen", "twenty",
        )
    )
    for word in words.split()
}  # fmt: skip
_MARKERS = re.compile(r"(?:<[af]_\d>)+")
_COUNT = re.compile(r"\b(how often|count|(how many|number of)(?! (seconds|minutes|hours)))\b")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[a-z]+")


def count_in(answer: str) -> int | None:
    """Return the first whole number in an answer, in digits or in words up to twenty; None where there is none.

    Times are not counts: markers and numbers with a decimal point are skipped. "a dog" contains no number, but "one of
    the dogs" contains 1.

    | answer | count |
    |---|---|
    | `It occurs three times: 1.0 - 2.0 seconds.` | 3 |
    | `Twice.` | 2 |
    | `At 2.5 seconds.` | None |
    """
    for token in _TOKEN.findall(_MARKERS.sub(" ", answer.lower())):
        if token.isdigit():
            return int(token)
        if token in _WORDS:
            return _WORDS[token]
    return None


def is_count_question(question: str) -> bool:
    """Return whether a question asks for a number of times or things; "how many seconds" does not."""
    return _COUNT.search(question.lower()) is not None
