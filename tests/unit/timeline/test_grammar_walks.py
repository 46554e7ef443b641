"""Random answers that the grammar allows, read by the parser and by a slow version of it."""

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from model.timeline.event import Event
from model.timeline.grammar import Grammar, Vocabulary
from model.timeline.interval import Interval
from model.timeline.markers import MARKERS, read_time
from model.timeline.parser import parse
from model.timeline.task import CAPTIONED, TASKS, Task

WORDS = (" - ", "-", " ", ", ", " seconds", " and", " A dog barks.", " Rain", " falls", ".", "3.5", "<a_", "s")
TEXTS = ("", *MARKERS, *WORDS)
EOS, FIRST_WORD = 0, 1 + len(MARKERS)
SEPARATORS = [tuple(TEXTS.index(piece) for piece in pieces) for pieces in ([" - "], [" ", "-", " "])]
WORDLESS = frozenset(TEXTS.index(word) for word in (" - ", "-", " ", ", ", " seconds", " and", ".", "s", "<a_"))
TIME = r"((?:<[af]_\d>)+)"

durations = st.one_of(
    st.integers(1, 130), st.integers(1, 72_000), st.sampled_from([999, 1000, 1001, 9_999, 10_000, 10_001, 100_000])
)


def vocabulary(separator: tuple[int, ...]) -> Vocabulary:
    return Vocabulary(tuple(range(1, 11)), tuple(range(11, 21)), separator, EOS, len(TEXTS), WORDLESS)


def walk(grammar: Grammar, chance: random.Random, length: int) -> list[int]:
    """Return up to `length` random allowed tokens, with as many markers as words. May stop early at the end token."""
    ids: list[int] = []
    while len(ids) < length and (not ids or ids[-1] != EOS):
        allowed = grammar.allowed(ids)
        choices = [token_id for token_id in range(len(TEXTS)) if allowed.permits(token_id)]
        assert choices, "a dead end"
        separator = [token_id for token_id in grammar.vocabulary.separator_ids if token_id in choices]
        markers = [token_id for token_id in choices if 0 < token_id < FIRST_WORD]
        ids.append(chance.choice(chance.choice([pool for pool in (choices, separator, markers) if pool])))
    return ids


def finish(grammar: Grammar, ids: list[int]) -> list[int]:
    """Complete the answer to an allowed end with as few words as possible."""
    ids = ids + grammar.closing(ids)
    bark = TEXTS.index(" A dog barks.")
    while not ids or ids[-1] != EOS:
        ids.append(EOS if grammar.allowed(ids).permits(EOS) else bark)
        assert len(ids) < 1000
    return ids


def text_of(ids: list[int]) -> str:
    # Words that look like the start of a marker must not become markers by joining with the next token.
    return re.sub(r"<a_(?!\d>)", "<a_ ", "".join(TEXTS[token_id] for token_id in ids))


def intervals_in(events: list[Event]) -> list[Interval]:
    return [interval for event in events for interval in event.intervals]


def read_slowly(text: str) -> list[tuple[int, int]]:
    """Return every pair of times around a dash, from left to right."""
    pairs = re.findall(rf"(?<!>){TIME}\s*-\s*{TIME}", text)
    return [(read_time(first), read_time(second)) for first, second in pairs]


@settings(max_examples=120, deadline=None)
@given(st.integers(), st.sampled_from(TASKS), durations, st.sampled_from(SEPARATORS), st.integers(1, 80))
def test_every_allowed_answer_can_be_parsed(
    seed: int, task: Task, duration: int, separator: tuple[int, ...], length: int
) -> None:
    grammar = Grammar(vocabulary(separator), task, duration)
    text = text_of(finish(grammar, walk(grammar, random.Random(seed), length)))
    pairs = read_slowly(text)
    events = parse(text, task, duration)
    if task != "ask":  # here a pair with other separator ids is two single times in any order
        assert all(0 <= start < end <= duration for start, end in pairs)
        assert len(re.findall(TIME, text)) == 2 * len(pairs)
    assert intervals_in(events) == [Interval(*pair) for pair in pairs if pair[0] < pair[1]]
    assert all(event.caption for event in events if task in CAPTIONED)
    if task == "summarize":
        assert all(first[1] <= second[0] for first, second in zip(pairs, pairs[1:], strict=False))


@settings(max_examples=50, deadline=None)
@given(st.integers(), st.sampled_from(TASKS), durations, st.sampled_from(SEPARATORS))
def test_an_answer_cut_anywhere_is_closed_to_a_valid_one(
    seed: int, task: Task, duration: int, separator: tuple[int, ...]
) -> None:
    grammar = Grammar(vocabulary(separator), task, duration)
    ids = [token_id for token_id in walk(grammar, random.Random(seed), 40) if token_id != EOS]
    for cut in range(len(ids) + 1):
        closed = ids[:cut]
        for token_id in grammar.closing(closed):
            assert grammar.allowed(closed).permits(token_id)
            closed.append(token_id)
        assert grammar.closing(closed) == []
        times = [read_time(run) for run in re.findall(TIME, text_of(closed))]
        assert all(0 <= time <= duration for time in times)
        found = intervals_in(parse(text_of(closed), task, duration))
        pairs = [Interval(*pair) for pair in read_slowly(text_of(closed)) if pair[0] < pair[1]]
        assert found == pairs[: len(found)]
        if task not in CAPTIONED:
            assert found == pairs
        if task != "ask":
            assert len(times) == 2 * len(pairs)
