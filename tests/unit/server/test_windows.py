"""Merging the results of overlapping windows, so that each event is sent once."""

from operator import eq

from hypothesis import given
from hypothesis import strategies as st

from model.timeline.interval import Interval
from server.grpc_api.windows import WindowInterval, WindowMerger


def windows(length: int, width: int) -> list[tuple[int, int, bool]]:
    """Return start, end and whether it is the last, for each window that `server.grpc_api.live` would use."""
    found, begin = [], 0
    while begin + width < length:
        found.append((begin, begin + width, False))
        begin += width // 2
    return [*found, (begin, length, True)]


def run(truth: list[WindowInterval], length: int, width: int) -> list[tuple[WindowInterval, int]]:
    """Return what is sent, and when, if each window finds exactly the true events inside it."""
    windows_, sent = WindowMerger(eq), []
    for begin, end, is_last in windows(length, width):
        found = [
            WindowInterval(h.key, Interval(max(h.interval.start, begin), min(h.interval.end, end)))
            for h in truth
            if h.interval.start < end and h.interval.end > begin
        ]
        final_before = None if is_last else begin + width - (width - width // 2) // 2
        sent += [(event, end) for event in windows_.add(begin, final_before, found)]
    return sent


@st.composite
def truths(draw: st.DrawFn) -> list[WindowInterval]:
    """Draw intervals that do not touch, per key."""
    found = []
    for key in draw(st.lists(st.sampled_from("abc"), unique=True, min_size=1)):
        at = 0
        for _ in range(draw(st.integers(0, 5))):
            start = at + draw(st.integers(1, 120))
            at = start + draw(st.integers(1, 300))
            found.append(WindowInterval(key, Interval(start, at)))
    return found


@given(truths(), st.integers(50, 300))
def test_exact_events_are_sent_once_within_one_window(truth: list[WindowInterval], width: int) -> None:
    length = max([event.interval.end for event in truth], default=1)
    sent = run(truth, length, width)
    assert sorted((h.key, h.interval.start, h.interval.end) for h, _ in sent) == sorted(
        (h.key, h.interval.start, h.interval.end) for h in truth
    )
    for event, at in sent:
        assert 0 <= at - event.interval.end <= width


def test_an_event_over_many_windows_is_sent_once() -> None:
    [(event, _)] = run([WindowInterval("rain", Interval(3, 977))], 1000, 50)
    assert event == WindowInterval("rain", Interval(3, 977))


def test_a_slightly_different_end_is_not_sent_again() -> None:
    windows_ = WindowMerger(eq)
    assert windows_.add(0, 75, [WindowInterval("dog", Interval(40, 70))]) == [WindowInterval("dog", Interval(40, 70))]
    assert windows_.add(50, 125, [WindowInterval("dog", Interval(50, 74))]) == []
    assert windows_.add(100, None, []) == []


def test_a_much_later_end_sends_only_the_rest() -> None:
    windows_ = WindowMerger(eq)
    assert windows_.add(0, 75, [WindowInterval("dog", Interval(40, 70))]) == [WindowInterval("dog", Interval(40, 70))]
    assert windows_.add(50, 125, [WindowInterval("dog", Interval(50, 110))]) == [
        WindowInterval("dog", Interval(70, 110))
    ]


def test_an_event_missing_in_the_next_window_is_sent_unchanged() -> None:
    windows_ = WindowMerger(eq)
    assert windows_.add(0, 75, [WindowInterval("dog", Interval(80, 95))]) == []
    assert windows_.add(50, 125, []) == [WindowInterval("dog", Interval(80, 95))]


def test_another_caption_is_another_event() -> None:
    windows_ = WindowMerger(eq)
    assert windows_.add(0, 75, [WindowInterval("dog", Interval(60, 100))]) == []
    assert windows_.add(50, 125, [WindowInterval("cat", Interval(60, 120))]) == [
        WindowInterval("dog", Interval(60, 100)),
        WindowInterval("cat", Interval(60, 120)),
    ]
