"""Finding the kind of a sound in a caption by keywords: what counts as a match, and which kind wins."""

from training.metrics.captions import kind_of

LEXICON = {
    "dog": ("dog", "bark"),
    "rain": ("rain", "drizzl"),
    "sea_waves": ("sea", "wave", "ocean"),
    "crying_baby": ("baby cr", "baby cri", "baby cry", "infant", "wail"),
    "clock_tick": ("clock", "clock tick", "tick"),
    "chainsaw": ("chainsaw", "chain saw"),
    "saw": ("saw",),
    "chain": ("chain",),
    "rooster": ("rooster", "crow"),
    "crackling_fire": ("fire", "crackl"),
}


def test_keywords_are_words_with_an_ending() -> None:
    for caption, kind in [
        ("A dog barks.", "dog"),
        ("DOGS BARKING", "dog"),
        ("Dogs-barking, somewhere", "dog"),
        ("Light drizzle patters.", "rain"),
        ("It rained.", "rain"),
        ("A train passes the station.", None),
        ("A rainbow over the season's seats.", None),
        ("The engine idles.", None),
        ("", None),
        ("1.0 - 2.0", None),
        ("Waves roll in from the ocean.", "sea_waves"),
        ("A baby cries.", "crying_baby"),
        ("A baby is crying.", None),
        ("A clock-tick, then another.", "clock_tick"),
        ("Crackles and crackling fire", "crackling_fire"),
    ]:
        assert kind_of(caption, LEXICON) == kind


def test_the_kind_with_the_most_different_keywords_wins() -> None:
    assert kind_of("Rain on the roof while a dog barks.", LEXICON) == "dog"
    assert kind_of("A rooster crows; a dog answers.", LEXICON) == "rooster"
    assert kind_of("Rain, rain, rain: waves of the sea.", LEXICON) == "sea_waves"
    assert kind_of("Rain on the dog", LEXICON | {"dog": ("dog", "dog", "dog")}) == "rain"


def test_among_equals_the_first_in_the_caption_wins() -> None:
    backwards = dict(reversed(LEXICON.items()))
    for lexicon in (LEXICON, backwards):
        assert kind_of("Rain, then a dog.", lexicon) == "rain"
        assert kind_of("A dog, then rain.", lexicon) == "dog"
    assert kind_of("two three one four", {"b": ("three", "four"), "a": ("one", "two")}) == "a"


def test_at_the_same_place_the_longest_keyword_wins() -> None:
    for lexicon in (LEXICON, dict(reversed(LEXICON.items()))):
        assert kind_of("A chain saw", lexicon) == "chainsaw"
    assert kind_of("A chainsaw roars", LEXICON) == "chainsaw"
    assert kind_of("A bell", {"church": ("bell",), "door": ("bell",)}) == "church"
    assert kind_of("A bell", {"door": ("bell",), "church": ("bell",)}) == "door"


def test_the_words_of_a_keyword_must_be_adjacent() -> None:
    assert kind_of("tick of a clock", {"a": ("clock tick",)}) is None
    assert kind_of("clock ticks", {"a": ("clock tick",)}) == "a"
    assert kind_of("a clock", {"a": ("clock tick",)}) is None
    assert kind_of("Ein HÜHNERSTALL, Hähne", {"rooster": ("hähn",)}) == "rooster"
