"""Sections of speech: where they end, and what their captions say."""

from model.timeline.interval import Interval
from model.timeline.sections import FOREIGN, divide, phrases
from model.timeline.words import OTHER_LANGUAGE, Letter, Word, join_letters


def spoken(text: str, start: float, pace: float = 0.4) -> list[Word]:
    """Return words, one every `pace` seconds, each three quarters of that long. Units: seconds."""
    frames = [round(50 * (start + place * pace)) for place in range(len(text.split()))]
    return [Word(each, at, at + round(50 * pace * 0.75), -0.1) for each, at in zip(text.split(), frames, strict=True)]


def test_sections_have_a_limit_and_stay_within_the_recording():
    assert divide([]) == []
    [section] = divide(spoken(" ".join(["word"] * 60), 0.5, pace=0.3))
    assert len(section.caption.split()) == 24
    [section] = divide(spoken("no", 0.0))
    assert section.interval(1) == Interval(0, 1)
    assert section.interval(3) == Interval(0, 3)


def test_a_long_pause_ends_a_section_and_short_ones_within_a_talk_do_not():
    words = [word for number in range(3) for word in spoken(f"part {number} " + "goes on and on " * 5, 12.0 * number)]
    assert [section.words[1].text for section in divide(words)] == ["0", "1", "2"]
    words = [word for number in range(5) for word in spoken("and so we went on and on", 3.2 * number)]
    [section] = divide(words)
    assert section.caption == "And so we went on and on and so we went on and on."
    assert section.interval(200) == Interval(0, 156)


def test_phrases_are_all_that_is_said():
    words = [*spoken("no", 1.0), *spoken("so we went on and on", 2.5), *spoken(" ".join(["word"] * 30), 6.0, pace=0.3)]
    found = phrases(words)
    assert [len(each.caption.split()) for each in found] == [1, 6, 24, 6]
    assert [word for each in found for word in each.words] == words
    assert phrases([]) == []


def test_another_language_is_named_not_written():
    [section] = divide(spoken(" ".join([OTHER_LANGUAGE] * 8), 0.5))
    assert section.caption == FOREIGN
    [section] = divide(spoken(f"well i said {OTHER_LANGUAGE} and left", 0.5))
    assert section.caption == "Well I said and left."


def test_letters_become_words():
    letters = [Letter(symbol, 10 * place, -0.5 * place) for place, symbol in enumerate(" ab  c")]
    assert join_letters(letters) == [Word("ab", 10, 21, -0.75), Word("c", 50, 51, -2.5)]
    assert join_letters([]) == []
