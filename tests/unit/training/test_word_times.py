"""When each word is spoken: by letters, along a path through scores, and in pieces."""

import itertools

import numpy as np
import pytest

from training.data.function_words import is_content_word
from training.data.manifest import SpokenWord
from training.data.word_times import cut_at_pauses, divide_time, monotonic_starts, plain_words


def test_words_are_plain():
    assert plain_words("“Don\u2019t!” said the one-eyed King's man -- twice.") == [
        "don't", "said", "the", "one", "eyed", "king's", "man", "twice",
    ]  # fmt: skip
    assert plain_words("-- ...") == []


def test_letters_divide_the_time():
    words = divide_time(["a", "bcd", "ef"], 1.0, 10.0)
    assert [w.text for w in words] == ["a", "bcd", "ef"]
    assert [(w.start, w.end) for w in words] == [(1.0, 3.0), (3.0, 7.0), (7.0, 10.0)]
    assert divide_time([], 1.0, 2.0) == []


def test_the_path_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for rows, frames in ((1, 4), (3, 3), (3, 8), (4, 9)):
        scores = rng.standard_normal((rows, frames))
        every = [(0, *inner) for inner in itertools.combinations(range(1, frames), rows - 1)]

        def value(starts, scores=scores, frames=frames):
            ends = [*starts[1:], frames]
            return sum(scores[row, a:b].sum() for row, (a, b) in enumerate(zip(starts, ends, strict=True)))

        assert tuple(monotonic_starts(scores)) == max(every, key=value)
    with pytest.raises(ValueError, match="3 rows cannot share 2 frames"):
        monotonic_starts(np.zeros((3, 2)))


def test_long_speech_is_cut_at_its_longest_gap():
    starts = [0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0]
    words = [SpokenWord(str(n), start, start + 0.9) for n, start in enumerate(starts)]
    pieces = cut_at_pauses(words, 5.0)
    assert [[w.text for w in piece] for piece in pieces] == [["0", "1", "2"], ["3", "4", "5", "6"]]
    assert cut_at_pauses(words, 60.0) == [words]
    assert cut_at_pauses([SpokenWord("aaaah", 0.0, 9.0)], 5.0) == []


def test_content_words():
    assert [w for w in ["the", "king's", "don't", "it's", "ran", "i", "whale"] if is_content_word(w)] == [
        "king's", "ran", "whale",
    ]  # fmt: skip
