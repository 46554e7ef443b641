"""The tokens that the grammar allows and forbids."""

import itertools
from collections.abc import Sequence

import pytest

from model.timeline.grammar import START, Allowed, Grammar, Vocabulary
from model.timeline.task import TASKS, Task

EOS, DASH, SPACE, COMMA, BARK, SECONDS, ONE_DASH = 0, 21, 22, 23, 24, 25, 26
# Ids are not in the order of their digits, so that code that confuses ids with digits fails.
ANCHORS = (4, 9, 2, 7, 10, 1, 6, 3, 8, 5)
OFFSETS = (15, 11, 19, 20, 13, 18, 12, 17, 14, 16)
VOCABULARY = Vocabulary(ANCHORS, OFFSETS, (ONE_DASH,), EOS, 27)
SPLIT = Vocabulary(ANCHORS, OFFSETS, (SPACE, DASH, SPACE), EOS, 27)


def time(tenths: int) -> list[int]:
    return [*(ANCHORS[int(digit)] for digit in str(tenths // 10)), OFFSETS[tenths % 10]]


def interval(start: int, end: int, vocabulary: Vocabulary = VOCABULARY) -> list[int]:
    return [*time(start), *vocabulary.separator_ids, *time(end)]


def choices(grammar: Grammar, ids: Sequence[int]) -> set[int]:
    allowed = grammar.allowed(ids)
    return {token_id for token_id in range(grammar.vocabulary.size) if allowed.permits(token_id)}


def markers(grammar: Grammar, ids: Sequence[int]) -> set[int]:
    return choices(grammar, ids) & grammar.vocabulary.marker_ids


def times_after(grammar: Grammar, ids: list[int]) -> set[int]:
    """Return every time that can be written next, by trying every path of markers."""
    found, open_paths = set(), [(list[int](), "")]
    while open_paths:
        path, digits = open_paths.pop()
        for token_id in markers(grammar, [*ids, *path]):
            if token_id in ANCHORS:
                open_paths.append(([*path, token_id], digits + str(ANCHORS.index(token_id))))
            else:
                assert digits == "0" or not digits.startswith("0")
                found.add(int(digits) * 10 + OFFSETS.index(token_id))
    return found


def test_exactly_the_valid_starts_and_ends_can_be_written() -> None:
    durations = (1, 2, 9, 10, 11, 99, 100, 101, 109, 110, 111, 1001)
    for task, duration in itertools.product(TASKS, durations):
        grammar = Grammar(VOCABULARY, task, duration)
        lone = 1 if task == "ask" else 0
        assert times_after(grammar, []) == set(range(duration + lone))
        for start in {0, 9, 10, 89, 99, duration - 11, duration - 2, duration - 1} & set(range(duration)):
            assert times_after(grammar, [*time(start), ONE_DASH]) == set(range(start + 1, duration + 1))


def test_an_hour_ends_at_its_last_tenth() -> None:
    grammar = Grammar(VOCABULARY, "ground", 36_000)
    assert times_after(grammar, [*time(35_990), ONE_DASH]) == set(range(35_991, 36_001))
    assert max(times_after(grammar, [])) == 35_999


def test_after_a_start_the_separator_is_forced_then_a_digit() -> None:
    tasks: tuple[Task, ...] = ("dense_caption", "ground", "summarize")
    for vocabulary, task in itertools.product((VOCABULARY, SPLIT), tasks):
        grammar, ids = Grammar(vocabulary, task, 100), time(3)
        for token_id in vocabulary.separator_ids:
            assert grammar.allowed(ids) == Allowed(frozenset({token_id}), None)
            ids.append(token_id)
        assert choices(grammar, ids) == set(ANCHORS)


def test_words_are_needed_between_times_and_are_enough_for_an_answer() -> None:
    for task in TASKS:
        grammar = Grammar(VOCABULARY, task, 100)
        assert not markers(grammar, interval(1, 2))
        assert {COMMA, BARK, DASH} <= choices(grammar, interval(1, 2))
        assert not markers(grammar, time(1))
        assert EOS not in choices(grammar, [])
        assert BARK in choices(grammar, [])
        assert EOS in choices(grammar, [BARK])
        assert not choices(grammar, [BARK]) & set(OFFSETS)


def test_a_captioned_answer_ends_only_after_a_caption_and_others_with_an_interval() -> None:
    captioned: tuple[Task, ...] = ("dense_caption", "summarize")
    for task in captioned:
        grammar = Grammar(VOCABULARY, task, 100)
        assert EOS not in choices(grammar, interval(1, 2))
        assert EOS in choices(grammar, [*interval(1, 2), BARK])
        assert EOS not in choices(grammar, [*interval(1, 2), COMMA, *interval(3, 4)])
        assert EOS not in choices(grammar, [*interval(1, 2), BARK, *interval(3, 4)])
    assert EOS in choices(Grammar(VOCABULARY, "ground", 100), interval(1, 2))
    assert EOS in choices(Grammar(VOCABULARY, "ask", 100), interval(1, 2))


def test_with_wordless_ids_a_comma_is_not_a_caption() -> None:
    vocabulary = Vocabulary(ANCHORS, OFFSETS, (ONE_DASH,), EOS, 27, frozenset({COMMA, SECONDS}))
    grammar = Grammar(vocabulary, "dense_caption", 100)
    assert EOS not in choices(grammar, [*interval(1, 2), SECONDS, COMMA])
    assert markers(grammar, [*interval(1, 2), COMMA])
    assert EOS in choices(grammar, [*interval(1, 2), SECONDS, BARK])
    assert EOS in choices(grammar, [*interval(1, 2), BARK, COMMA])
    assert EOS not in choices(grammar, [*interval(1, 2), BARK, *interval(3, 4), COMMA])
    assert EOS in choices(grammar, [COMMA])


def test_times_of_a_summary_alone_only_increase() -> None:
    grammar = Grammar(VOCABULARY, "summarize", 120)
    assert times_after(grammar, [*interval(5, 37), BARK]) == set(range(37, 120))
    assert times_after(grammar, [*interval(5, 37), BARK, *interval(37, 119), BARK]) == {119}
    assert not markers(grammar, [*interval(5, 120), BARK])
    assert {BARK, EOS} <= choices(grammar, [*interval(5, 120), BARK])
    others = Grammar(VOCABULARY, "dense_caption", 120)
    assert times_after(others, [*interval(50, 90), BARK]) == set(range(120))


def test_an_answer_to_a_question_may_have_a_single_time() -> None:
    for vocabulary in (VOCABULARY, SPLIT):
        grammar, separator = Grammar(vocabulary, "ask", 100), list(vocabulary.separator_ids)
        assert {EOS, BARK, *separator} <= choices(grammar, time(100))
        assert times_after(grammar, [*time(30), BARK]) == set(range(101))
        assert times_after(grammar, [*time(30), *separator]) == set(range(31, 101))
        assert {EOS, BARK, *separator} <= choices(grammar, [*time(30), *separator])
        assert not markers(grammar, [*time(100), *separator])
        assert times_after(grammar, [*time(30), *separator, BARK]) == set(range(101))
        assert times_after(grammar, [*interval(30, 31, vocabulary), *separator]) == set(range(101))
        assert times_after(grammar, [BARK, *separator]) == set(range(101))


def test_an_incomplete_separator_does_not_make_an_interval() -> None:
    grammar = Grammar(SPLIT, "ask", 100)
    for half in ([SPACE], [SPACE, DASH], [DASH, SPACE], [SPACE, DASH, BARK], [SPACE, SPACE], [SPACE, DASH, DASH]):
        assert times_after(grammar, [*time(30), *half]) == set(range(101))


def test_after_the_end_or_a_violation_only_the_end_token_is_allowed() -> None:
    ends = [[EOS], [BARK, EOS], [BARK, EOS, EOS], [ANCHORS[0], ANCHORS[0]], [OFFSETS[0]], [*time(1), EOS, BARK]]
    for task, ids in itertools.product(TASKS, ends):
        grammar = Grammar(VOCABULARY, task, 100)
        assert grammar.allowed(ids) == Allowed(frozenset({EOS}), None)
        assert grammar.closing(ids) == []


def test_closing_adds_the_smallest_valid_times() -> None:
    for vocabulary in (VOCABULARY, SPLIT):
        separator = list(vocabulary.separator_ids)
        grammar = Grammar(vocabulary, "ground", 1200)
        whole = interval(110, 111, vocabulary)
        for cut in range(3, len(whole) - 3):
            assert whole[:cut] + grammar.closing(whole[:cut]) == whole
        assert grammar.closing([ANCHORS[1]]) == [OFFSETS[0], *separator, *time(11)]
        assert grammar.closing([*time(995), *separator, ANCHORS[1]]) == time(1000)[1:]
        assert grammar.closing([*time(1199), *separator[:1]]) == [*separator[1:], *time(1200)]
        assert grammar.closing([]) == grammar.closing([BARK]) == grammar.closing(whole) == []


def test_closing_an_answer_to_a_question_keeps_a_single_time() -> None:
    for vocabulary in (VOCABULARY, SPLIT):
        separator = list(vocabulary.separator_ids)
        grammar = Grammar(vocabulary, "ask", 1200)
        assert grammar.closing([ANCHORS[1]]) == [OFFSETS[0]]
        for cut in range(len(separator) + 1):
            assert grammar.closing([*time(30), *separator[:cut]]) == []
        assert grammar.closing([*time(305), *separator, ANCHORS[3]]) == time(306)[1:]


def test_closing_a_summary_keeps_times_increasing() -> None:
    grammar = Grammar(VOCABULARY, "summarize", 1200)
    assert grammar.closing([*interval(0, 105), BARK, ANCHORS[1]]) == [*time(105)[1:], ONE_DASH, *time(106)]


def test_an_advanced_state_allows_the_same_as_the_whole_prefix() -> None:
    ids = [COMMA, *interval(5, 37, SPLIT), COMMA, *interval(40, 50, SPLIT), BARK, *time(60)[:1], BARK, EOS, BARK]
    for task in TASKS:
        grammar, state = Grammar(SPLIT, task, 100), START
        for position, token_id in enumerate(ids):
            assert grammar.allowed_after(state) == Grammar(SPLIT, task, 100).allowed(ids[:position])
            state = grammar.advance(state, token_id)


def test_a_word_after_a_word_keeps_the_state() -> None:
    grammar = Grammar(VOCABULARY, "dense_caption", 100)
    state = grammar.advance(START, BARK)
    assert grammar.advance(state, COMMA) is state


def test_an_empty_recording_and_an_unknown_task_are_rejected() -> None:
    for duration in (0, -5):
        with pytest.raises(ValueError, match="at least one tenth"):
            Grammar(VOCABULARY, "ground", duration)
    with pytest.raises((ValueError, TypeError), match="sing"):  # TypeError if types are checked
        Grammar(VOCABULARY, "sing", 100)  # type: ignore[arg-type]


def test_an_ambiguous_vocabulary_is_rejected() -> None:
    for change, message in [
        ({"anchor_ids": ANCHORS[:9]}, "ten anchor ids"),
        ({"offset_ids": (*OFFSETS, 27)}, "ten offset ids"),
        ({"offset_ids": ANCHORS}, "ids of their own"),
        ({"eos_id": ANCHORS[3]}, "ids of their own"),
        ({"separator_ids": ()}, "ids of the separator"),
        ({"separator_ids": (SPACE, EOS)}, "cannot be markers"),
        ({"wordless_ids": frozenset({OFFSETS[2]})}, "cannot be markers"),
        ({"size": ONE_DASH}, "must be in 0..25"),
        ({"eos_id": -1}, "must be in 0..26"),
    ]:
        fields = {"anchor_ids": ANCHORS, "offset_ids": OFFSETS, "separator_ids": (ONE_DASH,), "eos_id": EOS, "size": 27}
        with pytest.raises(ValueError, match=message):
            Vocabulary(**(fields | change))  # type: ignore[arg-type]
