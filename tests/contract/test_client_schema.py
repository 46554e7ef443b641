"""The client's typed results hold exactly what the server's schema sends."""

import pytest

from server import schema
from timeaudio import results


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (results.AudioInfo, schema.Audio),
        (results.CaptionedEvent, schema.Event),
        (results.DenseCaption, schema.DenseCaptionAnswer),
        (results.Grounding, schema.GroundAnswer),
        (results.GroundingResult, schema.GroundingResult),
        (results.Interval, schema.Interval),
        (results.Timing, schema.Timing),
        (results.Usage, schema.Usage),
    ],
    ids=lambda kind: f"{kind.__module__}.{kind.__name__}",
)
def test_every_field_of_an_answer_is_typed_in_the_client(ours, theirs):
    assert set(ours.model_fields) == set(theirs.model_fields)


def test_the_client_reads_the_fields_of_a_problem():
    from timeaudio import ApiError, FieldError

    field = schema.ProblemField(pointer="#/query", detail="missing")
    problem = schema.Problem(type="t", title="T", status=422, detail="d", instance="i", errors=[field])
    error = ApiError(422, problem.model_dump())
    assert (error.type, error.title, error.detail, error.instance) == ("t", "T", "d", "i")
    assert error.errors == (FieldError(detail="missing", pointer="#/query"),)
