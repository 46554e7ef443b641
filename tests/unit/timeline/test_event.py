"""Joining events with equal captions."""

from dataclasses import replace

from model.timeline.event import Event, by_caption
from model.timeline.interval import Interval


def test_events_with_equal_captions_are_joined():
    events = [
        Event((Interval(0, 5),), "A dog barks."),
        Event((Interval(2, 9),), "It is raining."),
        Event((Interval(20, 25), Interval(12, 14)), "A dog barks."),
        Event((Interval(30, 31),), "A dog barks loudly."),
    ]
    assert by_caption(events) == [
        Event((Interval(0, 5), Interval(12, 14), Interval(20, 25)), "A dog barks."),
        events[1],
        events[3],
    ]
    assert by_caption([]) == []


def test_each_interval_keeps_its_confidence_and_of_overlapping_ones_the_most_confident_is_kept():
    sure, unsure = replace(Interval(8, 9), confidence=0.9), replace(Interval(1, 2), confidence=0.2)
    [event] = by_caption([Event((sure,), "Rain."), Event((unsure,), "Rain.")])
    assert [i.confidence for i in event.intervals] == [0.2, 0.9]
    long, short = replace(Interval(0, 22), confidence=0.8), replace(Interval(4, 22), confidence=0.1)
    for intervals in ((long, short), (short, long)):
        [event] = by_caption([Event((i,), "A rooster is crowing.") for i in intervals])
        assert event.intervals == (long,)
        assert event.intervals[0].confidence == 0.8
    most_confident = replace(Interval(20, 30), confidence=0.9)
    [event] = by_caption([Event((long, most_confident, replace(Interval(30, 31), confidence=0.2)), "Rain.")])
    assert event.intervals == (Interval(20, 30), Interval(30, 31))


def test_without_confidence_overlapping_intervals_are_united():
    [event] = by_caption([Event((Interval(5, 20), Interval(0, 10), Interval(20, 30)), "Rain.")])
    assert event.intervals == (Interval(0, 20), Interval(20, 30))
