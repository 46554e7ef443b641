"""The quarantine for requests that crash workers."""

from dataclasses import replace

import pytest

from model.language.decoding import Decoding
from model.task_params import TaskParams
from server.errors import RequestQuarantined
from server.workers.protocol import EngineRequest, LazySamples
from server.workers.quarantine import MOST, Quarantine


def sound(pcm: bytes) -> LazySamples:
    return LazySamples(len(pcm) // 4, lambda: pcm)


PARAMS = TaskParams(task="ground", queries=("a dog",))
REQUEST = EngineRequest(id="x", samples=sound(b"sound"), params=PARAMS, deadline=0.0)


def test_two_crashes_as_the_only_request_are_proof_for_any_id() -> None:
    quarantine = Quarantine()
    assert not quarantine.check(REQUEST)
    quarantine.accuse(REQUEST, was_alone=True)
    assert not quarantine.check(REQUEST)
    with pytest.raises(RequestQuarantined):
        quarantine.accuse(REQUEST, was_alone=True)
    with pytest.raises(RequestQuarantined):
        quarantine.check(replace(REQUEST, id="y", deadline=5.0))
    for other in (
        replace(REQUEST, samples=sound(b"other")),
        replace(REQUEST, params=replace(PARAMS, queries=("a cat",))),
        replace(REQUEST, params=replace(PARAMS, decoding=Decoding(top_p=0.5))),
    ):
        assert not quarantine.check(other)


def test_a_suspect_must_run_alone_until_an_answer_clears_it() -> None:
    quarantine = Quarantine()
    for _ in range(2):
        quarantine.accuse(REQUEST, was_alone=False)
    assert quarantine.check(REQUEST)
    quarantine.clear(REQUEST)
    assert not quarantine.check(REQUEST)
    for _ in range(5):
        quarantine.accuse(REQUEST, was_alone=False)
    quarantine.accuse(REQUEST, was_alone=True)
    assert quarantine.check(REQUEST), "one crash alone may have another cause"
    with pytest.raises(RequestQuarantined):
        quarantine.accuse(REQUEST, was_alone=True)


def test_the_number_of_suspects_is_limited() -> None:
    quarantine = Quarantine()
    for _ in range(2):
        quarantine.accuse(REQUEST, was_alone=False)
    for number in range(MOST):
        quarantine.accuse(replace(REQUEST, params=replace(PARAMS, queries=(str(number),))), was_alone=False)
    assert not quarantine.check(REQUEST)
