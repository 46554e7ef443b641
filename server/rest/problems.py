"""Report every error as application/problem+json (RFC 9457) or OpenAI's error object, and document them in OpenAPI."""

import logging
import math
from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from model.errors import TimeAudioError
from server.api import openai_schema, schema, transcription_schema
from server.errors import (
    PROBLEMS,
    InvalidField,
    RetryableError,
    problem_of,
)
from server.reported import reported, retry_after_s
from server.rest import openai_errors
from server.rest.openai_errors import error_object, openai_status, speaks_openai
from server.telemetry.logs import about

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


def problem_response(request: Request, error: TimeAudioError) -> JSONResponse:
    """Return the response to an error, with Retry-After if a retry makes sense."""
    wait_s = retry_after_s(error)
    headers = None if wait_s is None else {"Retry-After": str(math.ceil(wait_s))}
    return _response(request, problem(request, error), problem_of(error).slug, headers)


def problem(request: Request, error: TimeAudioError) -> schema.Problem:
    """Return the problem for the caller; details of an internal error are only logged."""
    row, name = problem_of(error), _request_id(request)
    detail = str(error)
    if row.http == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("Request %s failed: %s", name, error, exc_info=error, extra=about(request_id=name))
        detail = f"The server failed unexpectedly. The details are in its log under request id {name}."
    return schema.Problem(
        type=f"urn:timeaudio:problem:{row.slug}",
        title=row.title,
        status=row.http,
        detail=detail,
        instance=f"urn:timeaudio:request:{name}",
        errors=_fields(error),
    )


def install(app: FastAPI) -> None:
    """Report every error of the app as a problem, including the framework's own."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        return problem_response(request, reported(error))

    async def framework(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _framework_response(request, error)

    app.add_exception_handler(TimeAudioError, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(Exception, ours)


def document(app: FastAPI) -> None:
    """Add the schemas that routes refer to only by name to /openapi.json."""
    generate = app.openapi
    named: tuple[type[BaseModel], ...] = (
        schema.Problem,
        openai_schema.ErrorAnswer,
        openai_schema.ChatRequest,
        openai_schema.ChatChunk,
        transcription_schema.TextDelta,
        transcription_schema.TextDone,
    )

    def openapi() -> dict[str, Any]:
        known = app.openapi_schema is not None
        document = generate()
        if not known:
            for kind in named:
                definition = kind.model_json_schema(ref_template="#/components/schemas/{model}")
                document["components"]["schemas"] |= definition.pop("$defs", {}) | {kind.__name__: definition}
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def documented(*errors: type[TimeAudioError], openai: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may raise these errors, with examples. `openai`: in OpenAI's format."""
    by_status: dict[int, list[type[TimeAudioError]]] = defaultdict(list)
    for error in errors:
        status = PROBLEMS[error].http
        by_status[openai_status(status) if openai else status].append(error)
    return {status: _documented(kinds, openai=openai) for status, kinds in sorted(by_status.items())}


def _documented(kinds: list[type[TimeAudioError]], *, openai: bool) -> dict[str, Any]:
    examples = {}
    for kind in kinds:
        row = PROBLEMS[kind]
        value: dict[str, Any] = {"type": f"urn:timeaudio:problem:{row.slug}", "title": row.title, "status": row.http}
        if openai:
            value = error_object(row.http, row.slug, f"{row.title}.")
        examples[row.slug] = {"summary": row.title, "value": value}
    # No "model": FastAPI would also document it as application/json. `document` adds the schema instead.
    name, media_type = ("ErrorAnswer", openai_errors.MEDIA_TYPE) if openai else ("Problem", MEDIA_TYPE)
    response: dict[str, Any] = {
        "description": "; ".join(PROBLEMS[kind].title for kind in kinds),
        "content": {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}, "examples": examples}},
    }
    if any(issubclass(kind, RetryableError) for kind in kinds):
        response["headers"] = {
            "Retry-After": {"description": "Seconds to wait before the next attempt.", "schema": {"type": "integer"}}
        }
    return response


def _framework_response(request: Request, error: HTTPException) -> JSONResponse:
    """Return the response to what Starlette rejects itself: an unknown path, a wrong method."""
    texts = {
        HTTPStatus.NOT_FOUND: f"There is no route {request.url.path}. GET /docs lists all routes.",
        HTTPStatus.METHOD_NOT_ALLOWED: (
            f"{request.url.path} does not allow {request.method}. Use {(error.headers or {}).get('Allow', 'another')}."
        ),
    }
    status = HTTPStatus(error.status_code)
    details = schema.Problem(
        type="about:blank",
        title=status.phrase,
        status=status,
        detail=texts.get(status, str(error.detail)),
        instance=f"urn:timeaudio:request:{_request_id(request)}",
    )
    return _response(request, details, status.phrase.lower().replace(" ", "-"), error.headers)


def _response(request: Request, details: schema.Problem, slug: str, headers: Mapping[str, str] | None) -> JSONResponse:
    if speaks_openai(request.url.path):
        status = openai_status(details.status)
        body = error_object(status, slug, details.detail, details.errors)
        return JSONResponse(body, status_code=status, headers=headers, media_type=openai_errors.MEDIA_TYPE)
    body = details.model_dump(exclude_none=True)
    return JSONResponse(body, status_code=details.status, headers=headers, media_type=MEDIA_TYPE)


def _fields(error: TimeAudioError) -> list[schema.ProblemField] | None:
    if not isinstance(error, InvalidField):
        return None
    return [schema.ProblemField(pointer=f"#/{field.field}", detail=field.detail) for field in error.errors]


def _request_id(request: Request) -> str:
    return str(request.scope.get("request_id", "unknown"))
