import json
from dataclasses import replace

import pytest

from model.timeline.parser import parse
from tests.factories import small_tokenizer
from training.data.answers import ABSENT, PLAIN
from training.data.instructions import (
    CAPTION_INSTRUCTIONS,
    COUNT_INSTRUCTIONS,
    DURATION_INSTRUCTIONS,
    INSTRUCTIONS,
    ORDER_INSTRUCTIONS,
    TRANSCRIBE_INSTRUCTIONS,
    question_of_row,
)
from training.data.manifest import Annotation, ManifestError, Row, SpokenWord, parse_manifest, write_manifest
from training.data.target_text import presence_ids, target_text, to_interval
from training.data.validate import read_manifest, row_problems

DENSE = Row(
    id="a", audio="a.wav", task="dense_caption", duration=10.0,
    events=(Annotation(((4.0, 5.55), (0.0, 2.5)), "A dog barks."), Annotation(((1.0, 9.0),), "Wind.", "Wind")),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path, tone_wav):
    (tmp_path / "a.wav").write_bytes(tone_wav(10.0))
    return tmp_path


def write(folder, *lines):
    path = folder / "m.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def problems(path):
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    return caught.value.problems


def test_rows_come_back_as_they_were_written(folder):
    rows = [
        DENSE,
        Row(id="g", audio="a.wav", task="ground", duration=10.0, query="a dog", events=(Annotation(((1.25, 2.0),)),)),
        Row(
            id="q",
            audio="a.wav",
            task="ask",
            duration=10.0,
            question="When?",
            answer="At {0}, {1}.",
            times=(1.0, (2.0, 3.0)),
        ),
        replace(DENSE, id="s", words=(SpokenWord("bridge", 1.25, 1.5), SpokenWord("storm", 1.5, 2.0))),
    ]
    assert write_manifest(folder / "m.jsonl", rows) == 4
    assert read_manifest(folder / "m.jsonl") == rows


def test_a_user_needs_to_say_little(folder):
    path = write(folder, {"audio": "a.wav", "task": "ground", "query": "a dog", "events": [{"intervals": [[1, 2]]}]})
    (row,) = read_manifest(path)
    assert (row.id, row.duration) == ("line-1", 10.0)
    assert question_of_row(row) in [text.format(query="a dog") for text in INSTRUCTIONS["ground"]]
    assert target_text(row, PLAIN.interval) == "The given query happens in 1.0 - 2.0 seconds."


def test_every_problem_of_every_line_is_in_one_report(folder):
    path = write(
        folder,
        {"audio": "a.wav", "task": "dense_caption", "events": [{"intervals": [[1, 2]], "caption": " "}], "id": "empty"},
        {"audio": "gone.wav", "task": "dense_caption", "id": "missing"},
        {"audio": "a.wav", "task": "summarize", "id": "late", "events": [{"intervals": [[9, 10.2]], "caption": "x"}]},
        {
            "audio": "a.wav", "task": "summarize", "id": "overlap",
            "events": [{"intervals": [[0, 3]], "caption": "x"}, {"intervals": [[2, 4]], "caption": "y"}],
        },
        {"audio": "a.wav", "task": "ground", "id": "backwards", "query": "q", "events": [{"intervals": [[3, 2]]}]},
        {"audio": "a.wav", "task": "ground", "id": "no query"},
        {"audio": "a.wav", "task": "ask", "id": "hole", "question": "q?", "answer": "at {0} and {1}", "times": [1]},
        {"audio": "a.wav", "task": "ask", "id": "hole", "question": "q?", "answer": "a { b"},
        {"audio": "a.wav", "task": "dense_caption", "id": "longer", "duration": 12.0},
        "{not json",
        {"audio": 3, "task": "sing", "colour": "red"},
        {"audio": "a.wav", "task": "ground", "query": "x", "events": [{"intervals": []}]},
        {"audio": "a.wav", "task": "dense_caption", "words": [["storm", 1]]},
        {"audio": "a.wav", "task": "dense_caption", "id": "word", "words": [["-", 1, 2], ["storm", 9, 11]]},
    )  # fmt: skip
    found = "\n".join(problems(path))
    for expected in (
        "empty: a caption is empty",
        "missing: gone.wav is not a readable recording",
        "late: 9 - 10.2 s is outside the recording's 10 s",
        "overlap: segments overlap: 0 - 3 s and 2 - 4 s",
        "backwards: 3 - 2 s does not satisfy 0 <= start < end",
        "no query: ground needs a query",
        "hole: the answer uses times ['0', '1'], but times has ['0']",
        "hole: the answer's braces are unbalanced",
        "hole: 2 lines have this id",
        "longer: duration is 12 s, a.wav has 10.0 s",
        "line 10: not JSON",
        "line 11: audio must be text",
        "line 11: task must be one of dense_caption, ground, summarize, ask, not 'sing'",
        "line 11: colour is not a field of a manifest",
        "line 12: events[0].intervals must be a list",
        "line 13: words must be a list of [word, start, end]",
        "word: a spoken word is empty",
        "word: 9 - 11 s is outside the recording's 10 s",
    ):
        assert expected in found


def test_a_time_may_lie_a_tenth_past_the_end():
    found = [row_problems(replace(DENSE, events=(Annotation(((1.0, end),), "x"),))) for end in (10.1, 10.101)]
    assert [len(problems) for problems in found] == [0, 1]


def test_sounds_overlap_each_other_but_not_themselves():
    assert row_problems(DENSE) == []
    twice = replace(DENSE, events=(Annotation(((1.0, 3.0), (2.0, 4.0)), "x"),))
    assert row_problems(twice) == ["intervals of one event overlap: 1 - 3 s and 2 - 4 s"]
    touching = replace(DENSE, events=(Annotation(((1.0, 3.0), (3.0, 4.0)), "x"),))
    assert row_problems(touching) == []


def test_a_long_report_says_where_the_rest_is_and_blank_lines_are_no_rows(folder):
    path = write(folder, *[{"audio": f"{n}.wav", "task": "dense_caption"} for n in range(25)])
    with pytest.raises(ManifestError, match=r"25 problems[\s\S]*and 5 more: `timeaudio data check"):
        read_manifest(path)
    assert problems(write(folder)) == ["the manifest has no lines"]
    assert parse_manifest(write(folder, "", "  ")) == ([], [])


def test_answers_are_spelled_as_the_parser_reads_them():
    assert target_text(DENSE, PLAIN.interval) == ("0.0 - 2.5, 4.0 - 5.6 seconds, A dog barks. 1.0 - 9.0 seconds, Wind.")
    events = parse(target_text(DENSE), "dense_caption", 100)
    assert [(e.caption, [(i.start, i.end) for i in e.intervals]) for e in events] == [
        ("A dog barks.", [(0, 25), (40, 56)]),
        ("Wind.", [(10, 90)]),
    ]
    talk = replace(
        DENSE, task="summarize", events=(Annotation(((0.0, 3.0),), "One."), Annotation(((3.0, 10.0),), "Two."))
    )
    assert target_text(talk, PLAIN.interval) == "0.0 - 3.0, One. 3.0 - 10.0, Two."
    assert [e.caption for e in parse(target_text(talk), "summarize", 100)] == ["One.", "Two."]
    assert target_text(replace(DENSE, task="ground", query="x", events=())) == ABSENT
    row = replace(DENSE, task="ask", events=(), question="?", answer="{1} and {0}, {{x}}", times=(1.0, (2.0, 3.0)))
    assert target_text(row) == "<a_2><f_0> - <a_3><f_0> and <a_1><f_0>, {x}"


def test_an_interval_is_at_least_a_tenth_long_and_inside():
    expected = {(0.04, 0.05): (0, 1), (9.98, 10.0): (99, 100), (9.0, 10.09): (90, 100), (2.25, 2.26): (23, 24)}
    found = {span: to_interval(span, 10.0) for span in expected}
    assert {span: (interval.start, interval.end) for span, interval in found.items()} == expected


def test_each_task_has_six_instructions_and_a_row_always_gets_the_same():
    own = (CAPTION_INSTRUCTIONS, TRANSCRIBE_INSTRUCTIONS, COUNT_INSTRUCTIONS, DURATION_INSTRUCTIONS, ORDER_INSTRUCTIONS)
    for texts in (*INSTRUCTIONS.values(), *own):
        assert len(set(texts)) == 6
    questions = {question_of_row(replace(DENSE, id=str(n))) for n in range(100)}
    assert questions == set(INSTRUCTIONS["dense_caption"])
    assert question_of_row(DENSE) == question_of_row(DENSE)
    assert question_of_row(replace(DENSE, question="What now?")) == "What now?"


def test_presence_ids_are_the_first_differing_tokens():
    tokenizer = small_tokenizer()
    (present,), absent = presence_ids(tokenizer)
    happens, does_not = tokenizer.decode([present]), tokenizer.decode([absent])
    assert happens != does_not
    assert " happens in".startswith(happens)
    assert " does not".startswith(does_not)


def test_separators_of_unicode_are_no_ends_of_lines(folder):
    row = Row(
        id="x", audio="a.wav", task="dense_caption", events=(Annotation(((0.0, 0.5),), "A\u2028dog\u0085barks."),)
    )
    write_manifest(folder / "m.jsonl", [row])
    rows, problems = parse_manifest(folder / "m.jsonl")
    assert problems == []
    assert [event.caption for event in rows[0].events] == ["A\u2028dog\u0085barks."]
