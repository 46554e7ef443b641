"""Requests that bring workers down."""

from dataclasses import replace

import pytest

from server.engine.protocol import Options, Request, Samples
from server.engine.suspects import MOST, Suspects
from server.errors import RequestQuarantined


def sound(pcm: bytes) -> Samples:
    return Samples(len(pcm) // 4, lambda: pcm)


REQUEST = Request(id="x", task="ground", samples=sound(b"sound"), queries=("a dog",), deadline=0.0)


def test_twice_alone_is_proof_whatever_the_id() -> None:
    suspects = Suspects()
    assert not suspects.check(REQUEST)
    suspects.accuse(REQUEST, was_alone=True)
    assert not suspects.check(REQUEST)
    with pytest.raises(RequestQuarantined):
        suspects.accuse(REQUEST, was_alone=True)
    with pytest.raises(RequestQuarantined):
        suspects.check(replace(REQUEST, id="y", deadline=5.0))
    for other in (
        replace(REQUEST, samples=sound(b"other")),
        replace(REQUEST, queries=("a cat",)),
        replace(REQUEST, options=Options(top_p=0.5)),
    ):
        assert not suspects.check(other)


def test_among_others_it_has_to_run_alone_and_an_answer_clears_it() -> None:
    suspects = Suspects()
    for _ in range(2):
        suspects.accuse(REQUEST, was_alone=False)
    assert suspects.check(REQUEST)
    suspects.clear(REQUEST)
    assert not suspects.check(REQUEST)
    for _ in range(2):
        suspects.accuse(REQUEST, was_alone=False)
    with pytest.raises(RequestQuarantined):
        suspects.accuse(REQUEST, was_alone=True)


def test_only_so_many_are_remembered() -> None:
    suspects = Suspects()
    for _ in range(2):
        suspects.accuse(REQUEST, was_alone=False)
    for number in range(MOST):
        suspects.accuse(replace(REQUEST, queries=(str(number),)), was_alone=False)
    assert not suspects.check(REQUEST)
