"""Words from letters: with a lexicon, what sounds like a word of it becomes that word."""

import math

import pytest

from model.timeline.lexicon import Lexicon
from model.timeline.word_search import WordSearch
from model.timeline.words import OTHER_LANGUAGE, Letter, Word, collapse

LEXICON = Lexicon(["the", "a", "dog", "written", "rest", "restaurant"])


def frame(*symbols: str) -> list[tuple[str, float]]:
    """Return a frame in which each symbol is half as probable as the one before."""
    shares = [0.5**place for place in range(len(symbols))]
    return [(symbol, math.log(0.98 * share / sum(shares))) for symbol, share in zip(symbols, shares, strict=True)]


def spelled(*letters: str, first: int = 0) -> list[Word]:
    """Return the words of letters with a blank between them; several symbols compete in a frame, the best first."""
    search = WordSearch(LEXICON, first)
    for letter in letters:
        search.add(frame(*letter.split("|")))
        search.add([("", math.log(0.999))])
    return search.words()


def texts(*letters: str) -> list[str]:
    return [word.text for word in spelled(*letters)]


def test_clear_letters_stay_as_they_are_and_unclear_ones_become_a_known_word():
    assert texts(*"the", " ", *"dog") == ["the", "dog"]
    assert texts(*"grmpf", " ", *"dog") == ["grmpf", "dog"], "an unknown word is spelled"
    assert texts("w", "r", "i|e", "d|t", "t|d", "e", "n") == ["written"]
    assert texts("d", "a|o", "g") == ["dog"]
    assert texts(OTHER_LANGUAGE, " ", OTHER_LANGUAGE, " ", OTHER_LANGUAGE) == [OTHER_LANGUAGE] * 3


def test_a_doubled_letter_needs_a_blank():
    search = WordSearch(Lexicon(["add", "ad"]))
    for symbols in (frame("a"), frame("d"), frame("d")):
        search.add(symbols)
    assert [word.text for word in search.words()] == ["ad"]


def test_words_know_their_frames_and_how_sure_they_are():
    first, second = spelled(*"the", " ", "d", "o|a", "g", first=100)
    assert (first.text, first.start, first.end) == ("the", 100, 105)
    assert (second.text, second.start, second.end) == ("dog", 108, 113)
    assert first.log_prob > second.log_prob


def test_silence_has_no_words():
    assert spelled() == []
    search = WordSearch(LEXICON)
    for _ in range(50):
        search.add([("", math.log(0.999)), ("a", math.log(0.0005))])
    assert search.words() == []


def test_frequent_words_and_beginnings_are_more_probable():
    assert LEXICON.word("the") > LEXICON.word("dog") > LEXICON.word("dgo") > LEXICON.word("dgoo")
    assert LEXICON.prefix("") == 0.0
    assert LEXICON.prefix("rest") == LEXICON.word("rest")
    assert LEXICON.prefix("resta") == LEXICON.word("restaurant")
    known = [LEXICON.word(word) for word in (*LEXICON.words, OTHER_LANGUAGE)]
    assert sum(map(math.exp, known)) == pytest.approx(1.0, abs=0.1)


def test_a_lexicon_is_kept_in_a_file(tmp_path):
    LEXICON.write(tmp_path / "lexicon.txt")
    assert Lexicon.read(tmp_path / "lexicon.txt").words == LEXICON.words


def test_repeated_symbols_are_one_letter_where_it_is_clearest():
    frames = [("a", -1.0), ("a", -0.1), ("", -0.1), ("a", -0.5), ("b", -0.2), ("b", -0.3)]
    assert collapse(frames, 10) == [Letter("a", 11, -0.1), Letter("a", 13, -0.5), Letter("b", 14, -0.2)]
