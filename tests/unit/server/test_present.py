"""From findings to JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import TASKS
from server import present
from server.engine.protocol import Answered
from server.inquiry import Analysis


def analysis(*answers: Answered, start: int = 0, num_samples: int = 160_000) -> Analysis:
    queries = tuple(f"query {i}" for i in range(len(answers)))
    return Analysis(
        id="ta-1",
        model="m",
        queries=queries,
        start=start,
        num_samples=num_samples,
        decode_s=0.1,
        answers=list(answers),
        total_s=0.123456789,
    )


def answered(index: int, *events: Event, present: bool = True, text: str = "") -> Answered:
    return Answered(
        index=index,
        events=events,
        text=text,
        present=present,
        num_prompt_tokens=10,
        num_completion_tokens=5,
        generate_s=0.2,
    )


@given(start=st.integers(0, 100_000), length=st.integers(1, 100_000), offset=st.integers(0, 72_000))
def test_seconds_are_exact_tenths_on_the_file_s_clock(start: int, length: int, offset: int) -> None:
    event = Event((Interval(start, start + length),), "x")
    (told,) = present.dense_caption(analysis(answered(0, event), start=offset)).events[0].intervals
    assert f"{told.start:.10f}" == f"{(start + offset) // 10}.{(start + offset) % 10}000000000"
    assert told.start == float(f"{(start + offset) / 10:.1f}")
    assert told.end == float(f"{(start + length + offset) / 10:.1f}")
    assert told.end > told.start
    assert told.confidence is None


def test_grounding_joins_the_intervals_of_an_answer() -> None:
    first = answered(0, Event((Interval(1, 2), Interval(4, 6)), ""), Event((Interval(9, 12),), ""))
    told = present.ground(analysis(first, answered(1, present=False)))
    assert [(i.start, i.end) for i in told.results[0].intervals] == [(0.1, 0.2), (0.4, 0.6), (0.9, 1.2)]
    assert (told.results[1].query, told.results[1].present, told.results[1].intervals) == ("query 1", False, ())


def test_usage_and_timing_are_sums() -> None:
    told = present.ground(analysis(answered(0), answered(1), num_samples=160_799))
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (20, 10)
    assert told.audio.duration == 10.0
    assert told.timing.generate_s == pytest.approx(0.4)
    assert told.timing.total_s == 0.1235


def test_a_summary_has_a_segment_per_interval_in_order() -> None:
    events = (Event((Interval(0, 41),), "She greets."), Event((Interval(41, 60), Interval(70, 90)), "She talks."))
    told = present.summarize(analysis(answered(0, *events), start=100))
    assert [(s.start, s.end, s.summary) for s in told.segments] == [
        (10.0, 14.1, "She greets."),
        (14.1, 16.0, "She talks."),
        (17.0, 19.0, "She talks."),
    ]


def test_an_answer_keeps_its_words_and_may_name_no_interval() -> None:
    told = present.ask(analysis(answered(0, Event((Interval(1, 2),), ""), text="Twice.")))
    assert (told.question, told.answer) == ("query 0", "Twice.")
    assert [(i.start, i.end) for i in told.intervals] == [(0.1, 0.2)]
    assert present.ask(analysis(answered(0, text="Yes."))).intervals == ()


def test_times_in_the_words_of_an_answer_are_on_the_files_clock() -> None:
    said = answered(0, Event((Interval(5, 20),), ""), text="From <a_0><f_5> - <a_2><f_0>, after <a_0><f_1>.")
    told = present.ask(analysis(said, start=95))
    assert told.answer == "From 10.0 - 11.5, after 9.6."
    assert [(i.start, i.end) for i in told.intervals] == [(10.0, 11.5)]


def test_every_task_has_a_presenter() -> None:
    assert tuple(present.PRESENTERS) == TASKS
