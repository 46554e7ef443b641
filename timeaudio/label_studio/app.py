"""The routes that Label Studio calls.

Source: label-studio's `ml/api_connector.py` and label-studio-ml-backend's `api.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from timeaudio.console import complain
from timeaudio.errors import ClientError
from timeaudio.label_studio.annotate import Annotator
from timeaudio.label_studio.label_config import ConfigRefused, LabelConfig, parsed
from timeaudio.local_app import described, problem

MAX_TASKS: Final = 1000
MAX_BODY_BYTES: Final = 32 * 1024 * 1024
_AT_ONCE: Final = 4  # tasks, of all requests


class SetupRequest(BaseModel):
    """A project that connects. Its host name and token are ignored: the operator configures both."""

    label_config: str = Field("", alias="schema")


class Task(BaseModel):
    """A task to pre-annotate."""

    id: int | str | None = None
    data: dict[str, Any]


class PredictRequest(BaseModel):
    """Tasks of a project."""

    tasks: list[Task] = Field(max_length=MAX_TASKS)
    label_config: str


class MLBackend:
    """The routes, on one annotator."""

    def __init__(self, annotator: Annotator) -> None:
        self._annotator = annotator
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def health(self, request: Request) -> Response:
        """Answer at once: Label Studio waits one second."""
        return JSONResponse({"status": "UP", "model_class": "TimeAudio"})

    async def setup(self, request: Request) -> Response:
        """Check the project's configuration, and that the server is ready."""
        parsed(SetupRequest.model_validate_json(await _body(request)).label_config)
        return JSONResponse({"model_version": await self._annotator.model_version()})

    async def versions(self, request: Request) -> Response:
        """Return the only version."""
        return JSONResponse({"versions": [await self._annotator.model_version()]})

    async def webhook(self, request: Request) -> Response:
        """Accept news of annotations, and ignore them."""
        return JSONResponse({"status": "Ignored: this backend does not train."})

    async def predict(self, request: Request) -> Response:
        """Return a prediction for each task, in their order. Stop if the caller leaves."""
        wanted = PredictRequest.model_validate_json(await _body(request))
        work = asyncio.ensure_future(self._predictions(wanted.tasks, parsed(wanted.label_config)))
        gone = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return Response(status_code=499)  # nobody reads it
            return JSONResponse({"results": work.result()})
        finally:
            work.cancel()
            gone.cancel()

    async def _predictions(self, tasks: Sequence[Task], config: LabelConfig) -> list[dict[str, Any]]:
        jobs = [asyncio.ensure_future(self._prediction(task, config)) for task in tasks]
        try:
            return await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()

    async def _prediction(self, task: Task, config: LabelConfig) -> dict[str, Any]:
        async with self._places:
            return await self._annotator.annotate(task.id, task.data, config)


def create_app(annotator: Annotator, *, hosts: Sequence[str]) -> Starlette:
    """Return the application. `hosts` are the host names that requests may use; `*` allows any."""
    backend = MLBackend(annotator)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await annotator.aclose()

    return Starlette(
        routes=[
            Route("/", backend.health),
            Route("/health", backend.health),
            Route("/setup", backend.setup, methods=["POST"]),
            Route("/predict", backend.predict, methods=["POST"]),
            Route("/versions", backend.versions, methods=["GET", "POST"]),
            Route("/webhook", backend.webhook, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={
            ValidationError: _invalid,
            ConfigRefused: _refused,
            ClientError: _unavailable,
            OSError: _unavailable,
            HTTPException: _http_error,
        },
        lifespan=lifespan,
    )


async def _body(request: Request) -> bytes:
    """Return the JSON of a request. Pages of other sites cannot send this type without a CORS preflight."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The body must be application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"The body is larger than {MAX_BODY_BYTES // 2**20} MiB. Send fewer tasks.")
    return bytes(body)


async def _gone(request: Request) -> None:
    """Return when the caller has closed the connection: Label Studio waits 100 s."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return problem(422, described(error))


async def _refused(request: Request, error: Exception) -> Response:
    return problem(400, str(error))


async def _unavailable(request: Request, error: Exception) -> Response:
    complain(f"No prediction: {error}")
    return problem(503, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail)
