"""The client reads what the server writes where each has its own definition."""

from server.api import schema
from timeaudio import ApiError, FieldError


def test_the_client_reads_the_fields_of_a_problem():
    field = schema.ProblemField(pointer="#/query", detail="missing")
    problem = schema.Problem(type="t", title="T", status=422, detail="d", instance="i", errors=[field])
    error = ApiError(422, problem.model_dump())
    assert (error.type, error.title, error.detail, error.instance) == ("t", "T", "d", "i")
    assert error.errors == (FieldError(detail="missing", pointer="#/query"),)
