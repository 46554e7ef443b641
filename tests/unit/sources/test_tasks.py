"""Questions about a scene, whose answers must be true of it."""

import re

import numpy as np
import pytest

from model.timeline.event import by_caption
from model.timeline.parser import parse
from tests.small_recordings import RATE, pool_of
from training.data.answers import NO_EVENTS, NOT_HEARD
from training.data.composer import PlacedEvent, SceneConfig
from training.data.instructions import ORDER_INSTRUCTIONS
from training.data.questions import clauses, training_wordings
from training.data.target_text import target_text
from training.data.validate import row_problems
from training.data.vocabulary import groups, held_out_wordings, lexicon, unknown_captions, vocabulary
from training.metrics.captions import kind_of, says_unknown
from training.metrics.counting import count_in
from training.sources.queries import NAME_FORMS
from training.sources.tasks import compose_rows, rows_of_scene

LENGTH = 10 * RATE
SCENES = {
    "two kinds": (("dog", 1.0, 2.0), ("rain", 0.0, 5.0), ("dog", 6.0, 10.0)),
    "kinds of a group": (("dog", 0.0, 3.0), ("cat", 2.0, 5.0), ("cow", 7.0, 8.0), ("wind", 1.0, 9.0)),
    "kinds that may be of a group": (("chirping_birds", 0.5, 3.0), ("siren", 2.0, 5.0), ("sea_waves", 4.0, 9.0)),
    "with an unknown sound": (("dog", 1.0, 2.0), ("unknown:zipper", 1.5, 4.0), ("unknown:owl", 6.0, 6.4)),
    "unknown sounds alone": (("unknown:zipper", 1.5, 4.0),),
    "nothing": (),
}


def placed(*events):
    return [PlacedEvent(kind, round(start * RATE), round(end * RATE)) for kind, start, end in events]


def all_rows(name, number=60):
    """The rows of a scene as they are drawn again and again."""
    return [
        row
        for seed in range(number)
        for row in rows_of_scene(placed(*SCENES[name]), LENGTH, f"s{seed}", "s.wav", np.random.default_rng(seed))
    ]


def spans_of(name, kinds):
    """When one of the kinds sounds, overlapping spans as one."""
    tenths = np.zeros(100, bool)
    for kind, start, end in SCENES[name]:
        if kind in kinds:
            tenths[round(start * 10) : round(end * 10)] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], tenths.astype(int), [0]])))
    return [(a / 10, b / 10) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def plain(text):
    return text.casefold().rstrip(".")


KINDS_MEANT = {
    plain(q): (kind,)
    for kind, w in vocabulary().items()
    for q in (*(form.format(kind.replace("_", " ")) for form in NAME_FORMS), *w.queries, *w.captions)
}
GROUPS_MEANT = {plain(q): group for group in groups().values() for q in group.queries}


def test_every_row_can_be_trained_on():
    for name in SCENES:
        rows = all_rows(name)
        assert [problem for row in rows for problem in row_problems(row)] == []
        assert {row.duration for row in rows} == {10.0}
        for row in rows:
            parse(target_text(row), row.task, 100)
        one = all_rows(name, 1)
        assert len({row.id for row in one}) == len(one)
        assert one == all_rows(name, 1)


@pytest.mark.parametrize("name", SCENES)
def test_dense_captions_describe_every_event_once_in_order_of_time(name):
    expected = sorted(((start, end), kind.partition(":")[0]) for kind, start, end in SCENES[name])
    dense = [row for row in all_rows(name) if row.task == "dense_caption"]
    assert len(dense) == 120
    for row in dense:
        assert [(event.intervals[0], event.label) for event in row.events] == expected
        assert all(len(event.intervals) == 1 for event in row.events)
        for event in row.events:
            if event.label == "unknown":
                assert event.caption in unknown_captions()
            else:
                assert kind_of(event.caption, lexicon()) == event.label
        assert len({(event.label, event.caption) for event in row.events}) == len({kind for _, kind in expected})


def test_answers_parse_back_to_what_was_placed():
    (answer,) = [target_text(row) for row in all_rows("two kinds", 1) if row.id.endswith("-dense")]
    events = parse(answer, "dense_caption", 100)
    assert [kind_of(e.caption, lexicon()) for e in events] == ["rain", "dog", "dog"], "one by one, as they begin"
    found = {kind_of(e.caption, lexicon()): [(i.start, i.end) for i in e.intervals] for e in by_caption(events)}
    assert found == {"rain": [(0, 50)], "dog": [(10, 20), (60, 100)]}
    (nothing,) = [target_text(row) for row in all_rows("nothing", 1) if row.id.endswith("-dense")]
    assert nothing == NO_EVENTS


@pytest.mark.parametrize("name", SCENES)
def test_queries_are_answered_with_all_that_they_mean_and_absent_ones_are_absent(name):
    kinds_present = {kind for kind, _, _ in SCENES[name]}
    rows = [row for row in all_rows(name) if row.task == "ground"]
    for row in rows:
        group = GROUPS_MEANT.get(plain(row.query))
        kinds = group.kinds if group else KINDS_MEANT[plain(row.query)]
        spans = [span for event in row.events for span in event.intervals]
        assert spans == spans_of(name, kinds), row.query
        if group and not spans:
            assert not kinds_present & set(group.unsure), f"{row.query}: people would disagree"
    assert any(not row.events for row in rows)
    assert any(row.events for row in rows) == bool(kinds_present & vocabulary().keys())


def test_group_queries_are_present_or_absent_but_never_in_scenes_with_an_unknown_sound():
    found = {
        name: [row for row in all_rows(name) if row.task == "ground" and plain(row.query) in GROUPS_MEANT]
        for name in SCENES
    }
    animals = [row for row in found["kinds of a group"] if GROUPS_MEANT[plain(row.query)] == groups()["animal"]]
    assert animals
    assert {row.events[0].intervals for row in animals} == {((0.0, 5.0), (7.0, 8.0))}
    assert {bool(row.events) for row in found["two kinds"]} == {True, False}
    assert found["with an unknown sound"] == found["unknown sounds alone"] == []


def test_queries_come_as_people_type_them():
    queries = [row.query for row in all_rows("two kinds", 200) if row.task == "ground"]
    shares = [
        sum(is_it(query) for query in queries) / len(queries)
        for is_it in (lambda q: q.endswith("."), lambda q: q[0].isupper(), str.isupper)
    ]
    assert shares == pytest.approx([0.15, 0.45, 0.03], abs=0.1)
    assert 0 < shares[2] < 0.1


def answers(name, is_it, number=100):
    """Questions of a sort, with the answer as it is written and the intervals in it."""
    found = []
    for row in all_rows(name, number):
        if row.task == "ask" and is_it(row.question):
            events = parse(target_text(row), "ask", 100)
            found.append((row, target_text(row), [(i.start / 10, i.end / 10) for e in events for i in e.intervals]))
    assert found
    return found


def kinds_of(question, aim):
    """The kinds that a question for `aim` may be about; none if it is another question."""
    wordings = training_wordings()
    for template in wordings.with_noun[aim]:
        before, _, after = re.escape(template).partition(re.escape("{query}"))
        if (found := re.fullmatch(f"{before}(.*){after}", question, re.IGNORECASE)) and plain(found[1]) in KINDS_MEANT:
            yield from KINDS_MEANT[plain(found[1])]
    for kind, clause in clauses().items():
        for template in wordings.with_verb[aim]:
            if question.casefold() in (clause.fill(template, definite=d).casefold() for d in (False, True)):
                yield kind


def test_presence_answers_are_yes_with_times_or_no():
    for name, events in SCENES.items():
        presence = set()
        for row, answer, spans in answers(name, lambda q: any(kinds_of(q, "yes_no"))):
            assert spans in [spans_of(name, [kind]) for kind in kinds_of(row.question, "yes_no")], row.question
            assert answer == NOT_HEARD if not spans else answer.startswith("Yes, at <a_")
            presence.add(bool(spans))
        assert presence == ({True, False} if any(kind in vocabulary() for kind, _, _ in events) else {False}), name


def test_no_question_is_a_query_of_validation():
    held_out = {plain(query).rstrip("?!") for queries in held_out_wordings().values() for query in queries}
    scene = placed(("cow", 1.0, 2.0), ("rooster", 3.0, 4.0), ("chirping_birds", 5.0, 6.0), ("rain", 7.0, 8.0))
    drawn = {
        plain(row.question).rstrip("?!")
        for seed in range(1000)
        for row in rows_of_scene(scene, LENGTH, f"s{seed}", "s.wav", np.random.default_rng(seed))
    }
    assert "when does a cow moo" in drawn
    assert not drawn & held_out


def test_times_are_those_of_the_sound():
    presence = set()
    for row, answer, spans in answers("two kinds", lambda q: any(kinds_of(q, "when"))):
        assert spans in [spans_of("two kinds", [kind]) for kind in kinds_of(row.question, "when")], row.question
        assert answer == NOT_HEARD if not spans else re.fullmatch(r"At <a_.*> seconds\.", answer)
        presence.add(bool(spans))
    assert presence == {True, False}


def test_a_count_is_that_of_the_times_before_it():
    seen = set()
    for _, answer, spans in answers("two kinds", lambda q: any(kinds_of(q, "count"))):
        assert spans in (spans_of("two kinds", ["dog"]), spans_of("two kinds", ["rain"]), [])
        assert count_in(answer) == len(spans) if spans else answer == NOT_HEARD
        seen.add(len(spans))
    assert seen == {0, 1, 2}


def test_durations_are_added_up_and_rounded():
    found = answers("two kinds", lambda q: any(kinds_of(q, "duration")), 600)
    for _, answer, spans in found:
        total = round(sum(end - start for start, end in spans))
        assert answer.endswith(f"about {total} seconds in total.") if spans else answer == NOT_HEARD
    assert {len(spans) for *_, spans in found} == {0, 1, 2}


def test_order_answers_name_the_earlier_kind_first_with_both_times():
    templates = [re.sub(r"\\{\w+\\}", ".+", re.escape(template)) for template in ORDER_INSTRUCTIONS]
    orders = set()
    for row, answer, _ in answers("two kinds", lambda q: any(re.fullmatch(template, q) for template in templates)):
        assert row.times == (0.0, 1.0), "the rain, and the dog's first bark"
        first, then = re.fullmatch(r"First (.*) at <.*>, then (.*) at <.*> seconds\.", answer).groups()
        assert (KINDS_MEANT[plain(first)], KINDS_MEANT[plain(then)]) == (("rain",), ("dog",))
        orders.add(row.question.index(first) < row.question.index(then))
    assert orders == {True, False}, "asked for in either order"


def test_moment_answers_name_the_events_at_that_second():
    name, seconds = "two kinds", set()
    for row, answer, spans in answers(name, lambda q: re.search(r"\d", q), 300):
        (second,) = (int(word) for word in re.findall(r"\d+", row.question))
        expected = [((a, b), kind) for kind, a, b in SCENES[name] if a <= second < b]
        events = parse(answer, "dense_caption", 100)
        assert [(s, kind_of(e.caption, lexicon())) for s, e in zip(spans, events, strict=True)] == sorted(expected)
        assert expected or answer == NO_EVENTS
        seconds.add(second)
    assert len(seconds) > 4


def test_now_and_then_a_question_has_a_fixed_answer():
    for fixed in (training_wordings().off_topic, training_wordings().other_language):
        asked = {text for f in fixed.questions for text in (f, f.rstrip(" .?!").lower())}
        found = answers("two kinds", asked.__contains__)
        assert {text for _, text, _ in found} == {fixed.answer}
        assert len(found) < 25
        assert any(row.question.islower() for row, _, _ in found)


def test_moment_answers_say_that_an_unknown_sound_is_unknown():
    found = answers("unknown sounds alone", lambda q: re.search(r"\d", q))
    texts = [answer for _, answer, spans in found if spans]
    assert texts
    assert all(says_unknown(answer) for answer in texts)


def test_composed_rows_name_their_sound_files(tmp_path):
    rows = list(compose_rows(pool_of("dog"), tmp_path, "short", SceneConfig(seconds=2.0), count=2, seed=3))
    assert {row.audio for row in rows} == {str(tmp_path / f"short-{n:05d}.wav") for n in range(2)}
    assert all((tmp_path / row.audio).is_file() for row in rows)
    assert len({row.id for row in rows}) == len(rows)
