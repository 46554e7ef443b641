"""What min_confidence leaves of an answer."""

from dataclasses import replace

import pytest

from model.timeline.event import Event
from model.timeline.interval import Interval
from server.engine.protocol import Answered, Found, Started
from server.sureness import sure

SOME = Event((Interval(0, 5, 0.9), Interval(6, 9, 0.4)), "A dog barks.")
OTHER = Event((Interval(0, 5, 0.3), Interval(6, 9)), "Rain falls.")
ANSWER = Answered(
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
def test_an_answer_and_its_events_agree(least: float, left: list[list[float | None]]) -> None:
    told = sure(ANSWER, least)
    assert isinstance(told, Answered)
    assert spans(told.events) == left
    assert told.present == bool(left)
    assert told.text == ANSWER.text
    found = [sure(Found(0, event), least) for event in ANSWER.events]
    assert spans(tuple(f.event for f in found if isinstance(f, Found))) == left


def test_an_absent_query_stays_absent_and_other_updates_stay_as_they_are() -> None:
    absent = sure(replace(ANSWER, events=(), present=False), 0.5)
    assert isinstance(absent, Answered)
    assert not absent.present
    assert sure(Started(0.1), 1.0) == Started(0.1)
