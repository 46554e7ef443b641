"""Overlapping windows, told once each."""

from operator import eq

from hypothesis import given
from hypothesis import strategies as st

from model.timeline.interval import Interval
from server.rpc.windows import Heard, Windows


def windows(length: int, width: int) -> list[tuple[int, int, bool]]:
    """Begin, end and whether it is the last, as `server.rpc.live` lays them."""
    found, begin = [], 0
    while begin + width < length:
        found.append((begin, begin + width, False))
        begin += width // 2
    return [*found, (begin, length, True)]


def run(truth: list[Heard], length: int, width: int) -> list[tuple[Heard, int]]:
    """What is told, and when, if each window hears the truth inside of it exactly."""
    windows_, told = Windows(eq), []
    for begin, end, is_last in windows(length, width):
        found = [
            Heard(h.key, Interval(max(h.interval.start, begin), min(h.interval.end, end)))
            for h in truth
            if h.interval.start < end and h.interval.end > begin
        ]
        last_word = None if is_last else begin + width - (width - width // 2) // 2
        told += [(heard, end) for heard in windows_.add(begin, last_word, found)]
    return told


@st.composite
def truths(draw: st.DrawFn) -> list[Heard]:
    """Per key intervals that do not touch."""
    found = []
    for key in draw(st.lists(st.sampled_from("abc"), unique=True, min_size=1)):
        at = 0
        for _ in range(draw(st.integers(0, 5))):
            start = at + draw(st.integers(1, 120))
            at = start + draw(st.integers(1, 300))
            found.append(Heard(key, Interval(start, at)))
    return found


@given(truths(), st.integers(50, 300))
def test_what_windows_hear_exactly_is_told_exactly_once_and_soon(truth: list[Heard], width: int) -> None:
    length = max([heard.interval.end for heard in truth], default=1)
    told = run(truth, length, width)
    assert sorted((h.key, h.interval.start, h.interval.end) for h, _ in told) == sorted(
        (h.key, h.interval.start, h.interval.end) for h in truth
    )
    for heard, at in told:
        assert 0 <= at - heard.interval.end <= width


def test_an_event_that_goes_on_over_many_windows_is_one() -> None:
    [(heard, _)] = run([Heard("rain", Interval(3, 977))], 1000, 50)
    assert heard == Heard("rain", Interval(3, 977))


def test_a_window_that_disagrees_a_little_about_an_end_is_no_news() -> None:
    windows_ = Windows(eq)
    assert windows_.add(0, 75, [Heard("dog", Interval(40, 70))]) == [Heard("dog", Interval(40, 70))]
    assert windows_.add(50, 125, [Heard("dog", Interval(50, 74))]) == []
    assert windows_.add(100, None, []) == []


def test_a_window_that_hears_much_more_adds_the_rest_alone() -> None:
    windows_ = Windows(eq)
    assert windows_.add(0, 75, [Heard("dog", Interval(40, 70))]) == [Heard("dog", Interval(40, 70))]
    assert windows_.add(50, 125, [Heard("dog", Interval(50, 110))]) == [Heard("dog", Interval(70, 110))]


def test_what_the_next_window_does_not_hear_is_told_as_it_was_heard() -> None:
    windows_ = Windows(eq)
    assert windows_.add(0, 75, [Heard("dog", Interval(80, 95))]) == []
    assert windows_.add(50, 125, []) == [Heard("dog", Interval(80, 95))]


def test_other_words_are_another_event() -> None:
    windows_ = Windows(eq)
    assert windows_.add(0, 75, [Heard("dog", Interval(60, 100))]) == []
    assert windows_.add(50, 125, [Heard("cat", Interval(60, 120))]) == [
        Heard("dog", Interval(60, 100)),
        Heard("cat", Interval(60, 120)),
    ]
