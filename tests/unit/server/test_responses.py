"""The responses: from the model's answers to JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.updates import ParsedAnswer
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import TASKS
from server.api import responses
from server.api.requests import InferenceResult


def result(*answers: ParsedAnswer, start: int = 0, num_samples: int = 160_000) -> InferenceResult:
    queries = tuple(f"query {i}" for i in range(len(answers)))
    return InferenceResult(
        id="ta-1",
        model="m",
        queries=queries,
        start=start,
        num_samples=num_samples,
        decode_s=0.1,
        answers=list(answers),
        total_s=0.123456789,
    )


def answered(*events: Event, text: str = "") -> ParsedAnswer:
    return ParsedAnswer(events, text, 10, 5, generate_s=0.2)


@given(start=st.integers(0, 100_000), length=st.integers(1, 100_000), offset=st.integers(0, 72_000))
def test_seconds_are_exact_tenths_from_the_start_of_the_file(start: int, length: int, offset: int) -> None:
    event = Event((Interval(start, start + length),), "x")
    (interval,) = responses.dense_caption(result(answered(event), start=offset)).events[0].intervals
    assert f"{interval.start:.10f}" == f"{(start + offset) // 10}.{(start + offset) % 10}000000000"
    assert interval.start == float(f"{(start + offset) / 10:.1f}")
    assert interval.end == float(f"{(start + length + offset) / 10:.1f}")
    assert interval.end > interval.start
    assert interval.confidence is None


def test_an_embedding_has_six_decimals_and_is_absent_without_a_request() -> None:
    plain, embedded = Interval(0, 9), Interval(9, 12, embedding=(0.12345678, -1e-9))
    answer = answered(Event((plain, embedded), "x"))
    for response in (responses.dense_caption(result(answer)).events[0], responses.ground(result(answer)).results[0]):
        first, second = response.model_dump(mode="json")["intervals"]
        assert "embedding" not in first
        assert second["embedding"] == [0.123457, 0.0]
    summary = responses.summarize(result(answer)).segments
    assert [segment.embedding for segment in summary] == [None, (0.123457, 0.0)]


def test_grounding_joins_the_intervals_of_an_answer() -> None:
    first = answered(Event((Interval(1, 2), Interval(4, 6)), ""), Event((Interval(9, 12),), ""))
    response = responses.ground(result(first, answered()))
    assert [(i.start, i.end) for i in response.results[0].intervals] == [(0.1, 0.2), (0.4, 0.6), (0.9, 1.2)]
    assert (response.results[1].query, response.results[1].present, response.results[1].intervals) == (
        "query 1",
        False,
        (),
    )


def test_usage_and_timing_are_sums() -> None:
    response = responses.ground(result(answered(), answered(), num_samples=160_799))
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (20, 10)
    assert response.audio.duration == 10.0
    assert response.timing.generate_s == pytest.approx(0.4)
    assert response.timing.total_s == 0.1235


def test_a_summary_has_a_segment_per_interval_in_order() -> None:
    events = (Event((Interval(0, 41),), "She greets."), Event((Interval(41, 60), Interval(70, 90)), "She talks."))
    response = responses.summarize(result(answered(*events), start=100))
    assert [(s.start, s.end, s.summary) for s in response.segments] == [
        (10.0, 14.1, "She greets."),
        (14.1, 16.0, "She talks."),
        (17.0, 19.0, "She talks."),
    ]


def test_an_answer_to_a_question_keeps_its_text_and_may_have_no_interval() -> None:
    response = responses.ask(result(answered(Event((Interval(1, 2),), ""), text="Twice.")))
    assert (response.question, response.answer) == ("query 0", "Twice.")
    assert [(i.start, i.end) for i in response.intervals] == [(0.1, 0.2)]
    assert responses.ask(result(answered(text="Yes."))).intervals == ()


def test_times_in_the_text_of_an_answer_count_from_the_start_of_the_file() -> None:
    answer = answered(Event((Interval(5, 20),), ""), text="From <a_0><f_5> - <a_2><f_0>, after <a_0><f_1>.")
    response = responses.ask(result(answer, start=95))
    assert response.answer == "From 10.0 - 11.5, after 9.6."
    assert [(i.start, i.end) for i in response.intervals] == [(10.0, 11.5)]


def test_every_task_has_a_presenter() -> None:
    assert tuple(responses.PRESENTERS) == TASKS
