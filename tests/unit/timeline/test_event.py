from dataclasses import replace

from model.timeline.event import Event, by_caption
from model.timeline.interval import Interval


def test_events_in_the_same_words_are_one():
    told = [
        Event((Interval(0, 5),), "A dog barks."),
        Event((Interval(2, 9),), "It is raining."),
        Event((Interval(20, 25), Interval(12, 14)), "A dog barks."),
        Event((Interval(30, 31),), "A dog barks loudly."),
    ]
    assert by_caption(told) == [
        Event((Interval(0, 5), Interval(12, 14), Interval(20, 25)), "A dog barks."),
        told[1],
        told[3],
    ]
    assert by_caption([]) == []


def test_each_interval_keeps_its_confidence():
    sure, unsure = replace(Interval(8, 9), confidence=0.9), replace(Interval(1, 2), confidence=0.2)
    [event] = by_caption([Event((sure,), "Rain."), Event((unsure,), "Rain.")])
    assert [i.confidence for i in event.intervals] == [0.2, 0.9]
