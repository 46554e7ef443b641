"""The filter for min_confidence."""

from dataclasses import replace

import pytest

from model.timeline.event import Event
from model.timeline.interval import Interval
from server.inference.confidence_filter import filter_update
from server.workers.protocol import EventFound, QueryAnswered, RequestStarted

SOME = Event((Interval(0, 5, 0.9), Interval(6, 9, 0.4)), "A dog barks.")
OTHER = Event((Interval(0, 5, 0.3), Interval(6, 9)), "Rain falls.")
ANSWER = QueryAnswered(
    index=0,
    events=(SOME, OTHER),
    text="as it was written",
    present=True,
    num_prompt_tokens=1,
    num_completion_tokens=1,
    generate_s=0.0,
)


def spans(events: tuple[Event, ...]) -> list[list[float | None]]:
    return [[interval.confidence for interval in event.intervals] for event in events]


@pytest.mark.parametrize(
    ("least", "left"), [(0.0, [[0.9, 0.4], [0.3, None]]), (0.3, [[0.9, 0.4], [0.3]]), (0.4, [[0.9, 0.4]]), (1.0, [])]
)
def test_an_answer_and_its_events_are_filtered_alike(least: float, left: list[list[float | None]]) -> None:
    filtered = filter_update(ANSWER, least)
    assert isinstance(filtered, QueryAnswered)
    assert spans(filtered.events) == left
    assert filtered.present == bool(left)
    assert filtered.text == ANSWER.text
    found = [filter_update(EventFound(0, event), least) for event in ANSWER.events]
    assert spans(tuple(f.event for f in found if isinstance(f, EventFound))) == left


def test_absent_queries_and_other_updates_do_not_change() -> None:
    absent = filter_update(replace(ANSWER, events=(), present=False), 0.5)
    assert isinstance(absent, QueryAnswered)
    assert not absent.present
    assert filter_update(RequestStarted(0.1), 1.0) == RequestStarted(0.1)
