import numpy as np
import pytest

from tests.unit.training.test_vocabulary import plain
from training.data import questions as wordings
from training.data.vocabulary import vocabulary


def every_question(kind, of):
    """All questions about a kind, with a verb and with one noun phrase."""
    nouns = [t.format(query=vocabulary()[kind].queries[0]) for some in of.with_noun.values() for t in some]
    clause = wordings.clauses()[kind]
    verbs = [clause.fill(t, definite=d) for some in of.with_verb.values() for t in some for d in (False, True)]
    return [*nouns, *verbs]


def test_every_kind_has_a_clause_of_its_own() -> None:
    clauses = wordings.clauses()
    assert sorted(clauses) == sorted(vocabulary())
    assert len(set(clauses.values())) == len(clauses)
    assert all(clause.ing.split()[0].endswith("ing") for clause in clauses.values())


def test_a_clause_agrees_with_its_subject() -> None:
    expected = {
        ("dog", "{does} {subject} {verb}?"): "Does the dog bark?",
        ("crickets", "when {is} {subject} {ing}?"): "When are crickets chirping?",
        ("clapping", "{was} {subject} {ing}?"): "Were people applauding?",
        ("wind", "when {does} {subject} {verb}?"): "When does the wind blow?",
        ("rain", "{is} {subject} {ing}?"): "Is it raining?",
    }
    clauses = wordings.clauses()
    assert {(k, template): clauses[k].fill(template, definite=True) for k, template in expected} == expected


def test_questions_are_sentences_that_differ_from_those_of_validation() -> None:
    trained, held_out = wordings.training_wordings(), wordings.held_out_wordings()
    for kind in vocabulary():
        seen = every_question(kind, trained)
        assert all(question[0].isupper() and question[-1] in "?." for question in seen)
        assert not set(map(plain, seen)) & set(map(plain, every_question(kind, held_out)))
    for known, unseen in ((trained.off_topic, held_out.off_topic), (trained.other_language, held_out.other_language)):
        assert known.answer == unseen.answer
        assert len({plain(q) for q in (*known.questions, *unseen.questions)}) == len(known.questions) + len(
            unseen.questions
        )


def test_half_of_the_questions_have_a_verb() -> None:
    rng = np.random.default_rng(0)
    drawn = [wordings.training_wordings().draw("dog", "when", ["a hound"], rng) for _ in range(400)]
    assert sum("hound" in question for question in drawn) == pytest.approx(200, abs=40)
    assert "When does the dog bark?" in drawn
