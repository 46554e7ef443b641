"""The parser: formats, invalid text, and text that is split at any character."""

from hypothesis import given, settings
from hypothesis import strategies as st

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.markers import MARKERS, format_interval, format_time
from model.timeline.parser import Parser, caption_of, parse
from model.timeline.task import TASKS, Task

DENSE = (
    "<a_0><f_0> - <a_2><f_5>, <a_3><f_2> - <a_8><f_0> seconds, A dog barks. "
    "<a_1><f_0> - <a_9><f_0> seconds, Rain falls."
)


def event(caption: str, *bounds: tuple[int, int]) -> Event:
    return Event(tuple(Interval(start, end) for start, end in bounds), caption)


def span(start: int, end: int) -> str:
    return format_interval(Interval(start, end))


def test_dense_captions() -> None:
    assert parse(DENSE, "dense_caption", 100) == [
        event("A dog barks.", (0, 25), (32, 80)),
        event("Rain falls.", (10, 90)),
    ]


def test_grounding_has_intervals_and_no_caption() -> None:
    answer = f"The given query happens in {span(2, 27)}, {span(33, 57)} seconds."
    assert parse(answer, "ground", 100) == [event("", (2, 27), (33, 57))]
    again = f"It happens in {span(2, 27)} seconds, and once more in {span(33, 57)} seconds, at the end."
    assert parse(again, "ground", 100) == [event("", (2, 27)), event("", (33, 57))]


def test_words_without_times_have_no_events() -> None:
    answers: list[tuple[Task, str]] = [
        ("dense_caption", "No sound events are heard."),
        ("ground", "The given query does not occur in the audio."),
        ("summarize", "No speech is heard."),
        ("ask", "Three dogs - or 3.5 - 4.5 of them."),
        ("ask", ""),
    ]
    assert [(task, answer) for task, answer in answers if parse(answer, task, 100)] == []


def test_summaries_without_the_unit() -> None:
    answer = f"{span(0, 164)}, She becomes director. {span(164, 845)}, She succeeds Adm. Rogers, who moved on."
    assert parse(answer, "summarize", 1200) == [
        event("She becomes director.", (0, 164)),
        event("She succeeds Adm. Rogers, who moved on.", (164, 845)),
    ]


def test_an_answer_to_a_question_may_contain_single_times() -> None:
    answer = f"The dog barks at {span(10, 20)} and {span(30, 40)} seconds, {format_time(50)} seconds before the cat."
    assert parse(answer, "ask", 100) == [event("before the cat.", (10, 20), (30, 40))]
    assert parse(f"It lasts until {format_time(50)}.", "ask", 100) == []
    assert parse(f"At {format_time(50)} - a bark.", "ask", 100) == []
    assert parse(f"It barks from {span(10, 20)}.", "ask", 100) == [event("", (10, 20))]


def test_the_caption_excludes_the_unit_and_separators() -> None:
    for between, caption in [
        (" seconds, A dog barks. ", "A dog barks."),
        (" second, A dog barks.", "A dog barks."),
        ("s: A dog barks!", "A dog barks!"),
        (" s A dog barks?", "A dog barks?"),
        (", A dog barks,", "A dog barks"),
        (" A dog barks; ", "A dog barks"),
        ("\nA dog barks (loudly)\n", "A dog barks (loudly)"),
        (", Second bell rings.", "Second bell rings."),
        (" someone speaks.", "someone speaks."),
        (", and a dog barks.", "and a dog barks."),
        (" \u2013 \u72ac\u304c\u5420\u3048\u308b\u3002", "\u72ac\u304c\u5420\u3048\u308b\u3002"),
        (", ", ""),
        (" and ", ""),
        (" seconds and ", ""),
        (" seconds.", ""),
        ("; ", ""),
        (" - ", ""),
        ("", ""),
    ]:
        assert caption_of(between) == caption


def test_joined_intervals_share_their_caption() -> None:
    for joint in [", ", " and ", " seconds, ", "s and ", " ", "; ", " - ", ", and "]:
        answer = f"{span(0, 5)}{joint}{span(7, 9)} seconds, Rain."
        assert parse(answer, "dense_caption", 100) == [event("Rain.", (0, 5), (7, 9))]


def test_spaces_around_the_dash_are_ignored() -> None:
    for dash in [" - ", "- ", " -", "-", "  -\n"]:
        answer = f"{format_time(0)}{dash}{format_time(5)}, Rain."
        assert parse(answer, "dense_caption", 100) == [event("Rain.", (0, 5))]


def test_invalid_times_give_no_interval_and_do_not_affect_others() -> None:
    for junk in [
        "<a_5><f_0>",
        "<a_5><f_0> - <a_3><f_0>",
        "<a_5><f_0> - <a_5><f_0>",
        "<a_5><f_0> - ",
        " - <a_5><f_0>",
        "<a_9><f_0> - <a_1><a_0><f_1>",
        "<a_5> - <a_6><f_0>",
        "<a_0><a_5><f_0> - <a_6><f_0>",
        "<a_5><f_0> - <a_6>",
        "<a_5><f_0><a_6><f_0>",
        "<a_1><f_0><a_2><f_0> - <a_3><f_0>",
        "<f_0><f_1>",
        "<a_5><f_0> to <a_6><f_0>",
        "<a_5><f_0> - - <a_6><f_0>",
        "<a_" + "9" * 500 + ">",
        "<a_9>" * 500 + "<f_0> - <a_5><f_0>",
    ]:
        for task in TASKS:
            assert parse(junk, task, 100) == []
        answer = f"{span(0, 5)} seconds, Rain. {junk} seconds, A cat. {span(7, 9)} seconds, Wind."
        first, *others = parse(answer, "dense_caption", 100)
        assert first.intervals == (Interval(0, 5),)
        assert first.caption.startswith("Rain.")
        assert others == [event("Wind.", (7, 9))]


def test_invalid_times_in_a_list_do_not_affect_their_neighbours() -> None:
    answer = f"{span(0, 5)}, <a_5><f_0> - <a_3><f_0>, <a_4>, {span(7, 9)} seconds, Rain."
    assert parse(answer, "dense_caption", 100) == [event("Rain.", (0, 5), (7, 9))]


def test_each_time_belongs_to_only_one_interval() -> None:
    answer = f"{format_time(1)} - {format_time(2)} - {format_time(3)} - {format_time(4)}, Rain."
    assert parse(answer, "dense_caption", 100) == [event("Rain.", (1, 2), (3, 4))]
    bad = f"{format_time(5)} - {format_time(2)} - {format_time(3)}, Rain."
    assert parse(bad, "dense_caption", 100) == []
    unreadable = f"<a_1> - {format_time(2)} - {format_time(3)}, Rain."
    assert parse(unreadable, "dense_caption", 100) == []


def test_an_interval_must_end_within_the_recording() -> None:
    kept = {end: bool(parse(f"{span(98, end)}, Rain.", "dense_caption", 100)) for end in (99, 100, 101)}
    assert kept == {99: True, 100: True, 101: False}


def test_an_interval_without_a_caption_counts_only_for_uncaptioned_tasks() -> None:
    for end in ("", " seconds.", ", "):
        kept = {task: len(parse(span(1, 2) + end, task, 100)) for task in TASKS}
        assert kept == {"dense_caption": 0, "summarize": 0, "ground": 1, "ask": 1}


def test_a_marker_cut_by_the_end_is_not_in_the_caption() -> None:
    for end in ["<", "<a", "<a_", "<a_1", "<f_"]:
        [found] = parse(f"{span(1, 2)}, Rain falls.{end}", "dense_caption", 100)
        assert found.caption == ("Rain falls.<" if end == "<" else "Rain falls.")


def test_text_that_looks_like_a_marker_is_kept() -> None:
    answer = f"{span(1, 2)}, It is <b>loud</b> <<a_ <a_x> <f_12>. {span(3, 4)}, <{format_time(5)}"
    assert parse(answer, "dense_caption", 100) == [event("It is <b>loud</b> <<a_ <a_x> <f_12>.", (1, 2))]


def test_an_event_is_returned_at_the_next_marker() -> None:
    parser, events_at = Parser("dense_caption", 100), []
    for position, char in enumerate(DENSE):
        events_at += [(position, found.caption) for found in parser.feed(char)]
    assert events_at == [(DENSE.index(" <a_1><f_0> - <a_9>") + len("<a_1>"), "A dog barks.")]
    assert [found.caption for found in parser.finish()] == ["Rain falls."]


def test_a_parser_can_be_used_again_after_finish() -> None:
    parser = Parser("dense_caption", 100)
    for rest in ("<a_1", "<a_1><f_0> - ", "<a_1><f_0>", span(1, 2), "words "):
        parser.feed(rest)
        assert parser.finish() == []
        assert parser.feed(DENSE) + parser.finish() == parse(DENSE, "dense_caption", 100)


pieces = st.one_of(
    st.sampled_from([*MARKERS, " - ", "-", " ", ", ", " seconds, ", " and ", "Rain falls.", "<", "<a_", "_1>", "<f"]),
    st.builds(span, st.integers(0, 60), st.integers(61, 130)),
    st.integers(0, 120).map(format_time),
    st.text(max_size=4),
)
answers = st.lists(pieces, max_size=14).map("".join)


@settings(max_examples=60, deadline=None)
@given(answers, st.sampled_from(TASKS), st.lists(st.integers(0, 200), max_size=12))
def test_the_events_do_not_depend_on_how_the_text_is_split(text: str, task: Task, cuts: list[int]) -> None:
    whole = parse(text, task, 100)
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parser = Parser(task, 100)
    found = [e for start, end in zip(bounds, bounds[1:], strict=False) for e in parser.feed(text[start:end])]
    assert found + parser.finish() == whole
    one_by_one = Parser(task, 100)
    assert [e for char in text for e in one_by_one.feed(char)] + one_by_one.finish() == whole


def test_an_answer_can_be_split_at_every_character() -> None:
    for cut in range(len(DENSE) + 1):
        parser = Parser("dense_caption", 100)
        found = parser.feed(DENSE[:cut]) + parser.feed("") + parser.feed(DENSE[cut:]) + parser.finish()
        assert found == parse(DENSE, "dense_caption", 100)


@settings(max_examples=60, deadline=None)
@given(answers, st.sampled_from(TASKS), st.integers(1, 130))
def test_no_text_gives_an_interval_outside_the_recording(text: str, task: Task, duration: int) -> None:
    for found in parse(text, task, duration):
        assert all(0 <= i.start < i.end <= duration for i in found.intervals)
        assert all(span(i.start, i.end).split(" - ")[0] in text for i in found.intervals)


events = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 999)), min_size=1, max_size=4),
        st.sampled_from(["A dog barks.", "Rain falls on a tin roof, softly.", "Seconds tick by!", "Music"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(events, st.booleans())
def test_formatted_answers_are_parsed_to_the_same_events(
    drawn: list[tuple[list[tuple[int, int]], str]], with_unit: bool
) -> None:
    expected = [event(caption, *[(start, start + length) for start, length in bounds]) for bounds, caption in drawn]
    unit = " seconds" if with_unit else ""
    text = " ".join(", ".join(map(format_interval, e.intervals)) + f"{unit}, {e.caption}" for e in expected)
    assert parse(text, "dense_caption", 10_000) == expected
