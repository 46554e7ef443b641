"""The web application: routes, error handlers, middleware and lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from server.auth import install as access
from server.auth.rate_limiter import RateLimiter
from server.grpc_api.server import GrpcServer
from server.inference.service import Service
from server.playground import api_pages
from server.playground import routes as page
from server.rest import chat, context, health, models, problems, task_routes, transcriptions
from server.settings import Settings
from server.telemetry.metrics import Metrics
from server.workers.protocol import Engine

DESCRIPTION = """\
Finds *what* happens in a recording and *when*.

Send an audio file as a multipart form, as the body itself, or as base64 in JSON. Times in the response are numbers, in
seconds of that file; `response_format` selects other formats:

    curl -F file=@street.flac http://127.0.0.1:8000/v1/dense-caption
    curl -F file=@street.flac -F query="a dog barks" -F query="a siren" http://127.0.0.1:8000/v1/ground
    curl -F file=@street.flac -F response_format=srt http://127.0.0.1:8000/v1/dense-caption
    curl --data-binary @street.flac -H "Content-Type: audio/flac" "http://127.0.0.1:8000/v1/ground?query=rain"

OpenAI clients can use `/v1/chat/completions`, `/v1/audio/transcriptions` and `/v1/models`. The server refuses tasks
that the loaded model was not trained for; `/v1/models` lists the supported ones.

Every error is `application/problem+json` (RFC 9457), or OpenAI's error object on the OpenAI-compatible routes; `detail`
and `message` say what to do next. 429 and 503 carry `Retry-After`. Every response carries `X-Request-ID` (yours if you
sent one) and `traceparent` (W3C; part of your trace if you sent one).
"""


def create_app(engine: Engine, settings: Settings, *, grpc_address: str | None = None) -> FastAPI:
    """Return the application over an engine; its routes use `app.state.service`.

    The application starts and closes the engine and, if `grpc_address` (host:port) is given, the gRPC server
    `app.state.grpc`.
    """
    metrics = Metrics()
    engine.on_restart = metrics.restarts.inc
    service = Service(engine, settings, metrics)

    gate = None if settings.access.keys_file is None else RateLimiter(settings.access.keys_file, metrics.registry)
    grpc_server = None if grpc_address is None else GrpcServer(service, grpc_address, gate)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            if grpc_server is not None:
                await grpc_server.start()
            yield
        finally:
            if grpc_server is not None:
                await grpc_server.stop(settings.drain_s)
            await service.close()

    app = FastAPI(
        title="TimeAudio",
        version=version("timeaudio"),
        summary="What happens in a recording, and when.",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redirect_slashes=False,  # behind a proxy that ends TLS the redirect would lead to http://; a 404 is clear
        docs_url=None,  # FastAPI's own pages load their scripts from the internet, see `api_pages`
        redoc_url=None,
        # One span per API request, in the provider that `tracing.start` sets. The server does metrics and logs itself.
        telemetry={
            "tracing": True,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: not scope["path"].startswith("/v1/"),
        },
    )
    app.state.service = service
    app.state.grpc = grpc_server
    app.include_router(task_routes.router(settings.limits))
    app.include_router(chat.router)
    app.include_router(transcriptions.router)
    app.include_router(models.router)
    app.include_router(health.router)
    app.include_router(page.router(settings))
    app.include_router(api_pages.router(app.title))
    problems.install(app)
    problems.document(app)
    # Check API keys before reading a body. The context wraps this check, so refusals are counted and carry an id too.
    access.install(app, settings.access, gate)
    app.add_middleware(context.RequestContext, max_bytes=settings.limits.upload_bytes, metrics=metrics)
    return app
