"""OpenAI's error object, for the same errors on the OpenAI-compatible routes."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from server.api.openai_schema import ErrorAnswer, ErrorDetails
from server.api.schema import ProblemField

MEDIA_TYPE = "application/json"

_PREFIXES = ("/v1/chat/", "/v1/audio/", "/v1/models")
_KINDS: dict[int, str] = {HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error", HTTPStatus.NOT_FOUND: "not_found_error"}


def speaks_openai(path: str) -> bool:
    """Whether errors at this path use OpenAI's format. The route decides, never the Accept header."""
    return path.startswith(_PREFIXES)


def openai_status(status: int) -> int:
    """Return the status that OpenAI's API answers with: 400 where the native routes answer 415 or 422."""
    is_in_request = status in (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY)
    return HTTPStatus.BAD_REQUEST if is_in_request else status


def error_object(status: int, slug: str, message: str, fields: Sequence[ProblemField] | None = None) -> dict[str, Any]:
    """Return the body. OpenAI's object names one of the invalid `fields`; the message names the others."""
    by_us = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    details = ErrorDetails(
        message=message,
        type="server_error" if by_us else _KINDS.get(status, "invalid_request_error"),
        param=fields[0].pointer.removeprefix("#/").replace("/", ".") if fields else None,
        code=slug.replace("-", "_"),
    )
    return ErrorAnswer(error=details).model_dump()
