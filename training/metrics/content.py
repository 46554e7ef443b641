"""Compare texts by their content words: all but articles, pronouns, prepositions and the like."""

from collections.abc import Iterable

from training.data.function_words import is_content_word
from training.data.word_times import plain_words


def content_words(texts: Iterable[str]) -> set[str]:
    """Return the content words of texts, in lower case."""
    return {word for text in texts for word in plain_words(text) if is_content_word(word)}


def share_found(reference: Iterable[str], predicted: Iterable[str]) -> float | None:
    """Return the share of the reference's content words that are in the prediction; None if the reference has none."""
    expected = content_words(reference)
    return len(expected & content_words(predicted)) / len(expected) if expected else None
