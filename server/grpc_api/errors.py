"""Converts errors to a gRPC status with google.rpc details, by the table in `server.errors`.

Source: https://google.aip.dev/193 and google/rpc/error_details.proto.
"""

import logging
from typing import Any, Final

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc_status import rpc_status

from model.errors import TimeAudioError
from server.errors import InvalidField, problem_of
from server.reported import retry_after_s
from server.telemetry.logs import about

DOMAIN: Final = "timeaudio"

_log = logging.getLogger(__name__)


def status_of(error: TimeAudioError, request_id: str) -> Any:
    """Return the status that ends a call: its code, details, and trailing metadata."""
    row = problem_of(error)
    detail = str(error)
    if row.grpc is StatusCode.INTERNAL:
        # The cause goes only to the log; the caller gets the id to find it there.
        _log.error("Request %s failed: %s", request_id, error, exc_info=error, extra=about(request_id=request_id))
        detail = f"The server failed unexpectedly. The details are in its log under request id {request_id}."
    described = {"title": row.title, "http_status": str(row.http)}
    details: list[Message] = [
        ErrorInfo(reason=row.slug.upper().replace("-", "_"), domain=DOMAIN, metadata=described),
        RequestInfo(request_id=request_id),
    ]
    if isinstance(error, InvalidField):
        violations = [BadRequest.FieldViolation(field=f.field, description=f.detail) for f in error.errors]
        details.append(BadRequest(field_violations=violations))
    if (wait_s := retry_after_s(error)) is not None:
        wait = Duration()
        wait.FromMilliseconds(round(1000 * wait_s))
        details.append(RetryInfo(retry_delay=wait))
    packed = []
    for message in details:
        packed.append(Packed())
        packed[-1].Pack(message)
    return rpc_status.to_status(Status(code=row.grpc.value[0], message=detail, details=packed))
