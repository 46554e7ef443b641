"""The fields of a request, checked against the operator's limits."""

from typing import Any

import pytest

from model.errors import EmptyPrompt
from server.api.form import AskForm, DenseCaptionForm, GroundForm
from server.api.requests import InferenceRequest
from server.api.validation import checked
from server.errors import MOST_DETAILS, InvalidField
from server.settings import Limits


def inference(**fields: Any) -> InferenceRequest:
    return checked(DenseCaptionForm, fields, []).inference(Limits())


def test_a_part_may_be_an_exact_tenth() -> None:
    for tenth in range(40):
        start, end = tenth / 10, (tenth + 1) / 10
        assert (inference(start=start, end=end).start, inference(start=start, end=end).end_s) == (tenth, end)
        with pytest.raises(InvalidField, match="at least"):
            inference(start=start, end=end - 0.01)


def test_a_number_of_400_digits_is_refused_like_any_large_one() -> None:
    for name in ("num_beams", "max_new_tokens"):
        for value in (10**6, 10**400, "1" + 400 * "0"):
            with pytest.raises(InvalidField, match=name):
                inference(**{name: value})


def test_a_track_number_of_400_digits_is_not_repeated() -> None:
    with pytest.raises(InvalidField, match="less than or equal to 2147483647"):
        inference(track=10**400)


def test_the_message_of_several_mistakes_has_a_sentence_for_each() -> None:
    with pytest.raises(InvalidField, match=r"^start: input should be [^.]+\. num_beams: input should be"):
        inference(start=-1, num_beams="many")
    with pytest.raises(InvalidField, match=r"^num_beams: at most 8 [^.]+, not 9\. timeout_s: at most"):
        inference(num_beams=9, timeout_s=10**6)


def test_a_million_mistakes_are_not_all_reported() -> None:
    with pytest.raises(InvalidField) as caught:
        checked(GroundForm, {"query": [1] * 1_000_000}, [])
    assert [error.field for error in caught.value.errors] == ["query/0"]
    with pytest.raises(InvalidField) as caught:
        checked(GroundForm, {"query": ["rain"], **dict.fromkeys(map(str, range(1_000_000)), 1)}, [])
    assert len(caught.value.errors) == MOST_DETAILS


def test_words_of_full_stops_are_empty() -> None:
    for words in ("", " ", "...", " . "):
        with pytest.raises(EmptyPrompt):
            GroundForm(query=["rain", words]).inference(Limits())
        with pytest.raises(EmptyPrompt):
            AskForm(question=words).inference(Limits())
    assert GroundForm(query=[" rain. "]).inference(Limits()).params.queries == ("rain.",)
