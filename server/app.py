"""The web application: routes, errors and the life of what is behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from server.access import install as access
from server.access.gate import Gate
from server.engine.protocol import Engine
from server.page import routes as page
from server.rest import answers, chat, context, health, models, problems
from server.rpc.front import Front
from server.service import Service
from server.settings import Settings
from server.telemetry.metrics import Metrics

DESCRIPTION = """\
Hears *what* happens in a recording and *when*.

Send an audio file as a multipart form, as the body itself, or as base64 in JSON; times come back as numbers, in seconds
of that file, or in a format of your tools:

    curl -F file=@street.flac http://127.0.0.1:8000/v1/dense-caption
    curl -F file=@street.flac -F query="a dog barks" -F query="a siren" http://127.0.0.1:8000/v1/ground
    curl -F file=@street.flac -F response_format=srt http://127.0.0.1:8000/v1/dense-caption
    curl --data-binary @street.flac -H "Content-Type: audio/flac" "http://127.0.0.1:8000/v1/ground?query=rain"

Programs that speak to OpenAI find `/v1/chat/completions` and `/v1/models`. A task that the loaded model was not trained
for is refused: `/v1/models` lists what it does.

Every error is `application/problem+json` (RFC 9457), or OpenAI's error object on its routes; `detail` and `message` say
what to do next. 429 and 503 carry `Retry-After`. Every response carries `X-Request-ID`, yours if you sent one, and
`traceparent` (W3C), in your trace if you named one.
"""


def create_app(engine: Engine, settings: Settings, *, grpc_address: str | None = None) -> FastAPI:
    """The application over an engine; `app.state.service` is what its routes work on.

    The engine is started and closed with the application, and so is the gRPC front, `app.state.grpc`, if its address
    (host:port) is given.
    """
    metrics = Metrics()
    engine.on_restart = metrics.restarts.inc
    service = Service(engine, settings, metrics)

    gate = None if settings.access.keys_file is None else Gate(settings.access.keys_file, metrics.registry)
    front = None if grpc_address is None else Front(service, grpc_address, gate)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            if front is not None:
                await front.start()
            yield
        finally:
            if front is not None:
                await front.stop(settings.drain_s)
            await service.close()

    app = FastAPI(
        title="TimeAudio",
        version=version("timeaudio"),
        summary="What happens in a recording, and when.",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        # One span per request of the API, in the provider that `tracing.start` sets; the rest of it is ours to tell.
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
    app.state.grpc = front
    app.include_router(answers.router(settings.limits))
    app.include_router(chat.router)
    app.include_router(models.router)
    app.include_router(health.router)
    app.include_router(page.router(settings.limits))
    problems.install(app)
    problems.document(app)
    # Before a body is read: who calls. The context is around it, so that refusals are counted and carry an id too.
    access.install(app, settings.access, gate)
    app.add_middleware(context.RequestContext, max_bytes=settings.limits.upload_bytes, metrics=metrics)
    return app
