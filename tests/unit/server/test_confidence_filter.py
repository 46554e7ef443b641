"""The filter for min_confidence."""

from dataclasses import replace

import pytest

from model.engine.updates import Answered, Found, ParsedAnswer, Started
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.inference.confidence_filter import filter_update

SOME = Event((Interval(0, 5, 0.9), Interval(6, 9, 0.4)), "A dog barks.")
OTHER = Event((Interval(0, 5, 0.3), Interval(6, 9)), "Rain falls.")
ANSWER = ParsedAnswer((SOME, OTHER), "as it was written", 1, 1)


def spans(events: tuple[Event, ...]) -> list[list[float | None]]:
    return [[interval.confidence for interval in event.intervals] for event in events]


@pytest.mark.parametrize(
    ("least", "left"), [(0.0, [[0.9, 0.4], [0.3, None]]), (0.3, [[0.9, 0.4], [0.3]]), (0.4, [[0.9, 0.4]]), (1.0, [])]
)
def test_an_answer_and_its_events_are_filtered_alike(least: float, left: list[list[float | None]]) -> None:
    filtered = filter_update(Answered(0, ANSWER), least)
    assert isinstance(filtered, Answered)
    assert spans(filtered.answer.events) == left
    assert filtered.answer.present == bool(left)
    assert filtered.answer.written == ANSWER.written
    found = [filter_update(Found(0, event), least) for event in ANSWER.events]
    assert spans(tuple(f.event for f in found if isinstance(f, Found))) == left


def test_absent_queries_and_other_updates_do_not_change() -> None:
    absent = Answered(0, replace(ANSWER, events=()))
    assert filter_update(absent, 0.5) == absent
    assert filter_update(Started(0.1), 1.0) == Started(0.1)
