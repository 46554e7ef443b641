"""The fields of a request, checked against the operator's limits."""

from typing import Any

import pytest

from model.errors import EmptyPrompt
from server.api.form import AskForm, DenseCaptionForm, GroundForm
from server.api.requests import InferenceRequest
from server.api.validation import checked
from server.errors import InvalidField
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


def test_words_of_full_stops_are_empty() -> None:
    for words in ("", " ", "...", " . "):
        with pytest.raises(EmptyPrompt):
            GroundForm(query=["rain", words]).inference(Limits())
        with pytest.raises(EmptyPrompt):
            AskForm(question=words).inference(Limits())
    assert GroundForm(query=[" rain. "]).inference(Limits()).params.queries == ("rain.",)
