"""The table of errors has a row for every error that can be raised, with what both transports need."""

import errno
import re
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from starlette.requests import Request

from model.errors import AudioTooLong, OutOfMemory, TimeAudioError, UnsupportedAudio
from server.errors import PROBLEMS, InternalError, OutOfSpace, Overloaded, problem_of, revive
from server.grpc_api.errors import status_of
from server.reported import reported, retry_after_s
from server.rest.problems import problem_response

ALLOWED = {400, 401, 404, 408, 413, 415, 422, 429, 499, 500, 503, 504}


def leaves(kind: type[TimeAudioError]) -> Iterator[type[TimeAudioError]]:
    """Yield the subclasses of `kind` that have no subclasses of our own. Only these are raised."""
    below = [child for child in kind.__subclasses__() if child.__module__.split(".")[0] in ("model", "server")]
    if not below:
        yield kind
    for child in below:
        yield from leaves(child)


def test_every_error_has_a_row() -> None:
    assert set(leaves(TimeAudioError)) - PROBLEMS.keys() == set()


def test_a_new_error_without_a_row_is_found() -> None:
    class Forgotten(TimeAudioError):
        pass

    Forgotten.__module__ = "model.errors"
    assert Forgotten in set(leaves(TimeAudioError))
    assert Forgotten not in PROBLEMS
    assert problem_of(Forgotten()) is PROBLEMS[InternalError]
    Forgotten.__module__ = __name__  # remove it from the tree for other tests


def test_rows_are_well_formed() -> None:
    slugs = [row.slug for row in PROBLEMS.values()]
    assert len(set(slugs)) == len(slugs)
    for kind, row in PROBLEMS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", row.slug)
        assert row.http in ALLOWED
        assert row.title
        assert row.grpc is not grpc.StatusCode.OK
        # Only internal errors are 500, and gRPC clients never retry errors that callers cause.
        assert (row.http == 500) == (kind is InternalError)
        if row.http in (400, 413, 415):
            assert row.grpc is grpc.StatusCode.INVALID_ARGUMENT


def test_an_error_can_be_sent_between_processes() -> None:
    error = AudioTooLong(limit_s=150.0, duration_s=151.0)
    revived = revive("AudioTooLong", str(error), vars(error))
    assert isinstance(revived, AudioTooLong)
    assert (str(revived), revived.limit_s, revived.duration_s) == (str(error), 150.0, 151.0)
    assert isinstance(revive("UnsupportedAudio", "no"), UnsupportedAudio)
    assert isinstance(revive("Overloaded", "full"), Overloaded)
    assert isinstance(revive("ZeroDivisionError", "a defect"), InternalError)


def test_every_temporary_error_says_when_to_try_again() -> None:
    for kind, row in PROBLEMS.items():
        error = revive(kind.__name__, "busy", {"retry_after_s": 1.5})
        assert (retry_after_s(error) is not None) == (row.http in (429, 503)), row
    lost = OutOfMemory("Send it again later.")
    request = Request({"type": "http", "method": "POST", "path": "/v1/ask", "headers": [], "query_string": b""})
    assert int(problem_response(request, lost).headers["retry-after"]) > 0
    status = Status.FromString(dict(status_of(lost, "an-id").trailing_metadata)["grpc-status-details-bin"])
    assert [detail for detail in status.details if detail.Is(RetryInfo.DESCRIPTOR)]


def _fail() -> None:
    raise ZeroDivisionError


def test_the_log_of_an_unexpected_error_has_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        _fail()
    except ZeroDivisionError as error:
        status_of(reported(error), "an-id")
    assert "in _fail" in caplog.text
    assert isinstance(reported(OSError(errno.ENOSPC, "full")), OutOfSpace)
