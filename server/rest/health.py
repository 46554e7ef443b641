"""Liveness, readiness and Prometheus metrics."""

from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from server.api import schema
from server.errors import NotReady
from server.inference.service import Service
from server.rest.head import answer_head
from server.rest.problems import documented

router = APIRouter(tags=["operation"])


@router.get("/livez", response_model=schema.Alive, summary="Is the process alive?")
async def livez() -> schema.Alive:
    """200 as long as the event loop runs. Restart the container if this does not answer."""
    return schema.Alive(status="alive")


@router.get("/readyz", response_model=schema.Ready, responses=documented(NotReady), summary="Can it answer now?")
async def readyz(request: Request) -> schema.Ready:
    """200 while the model can answer; 503 while it is loading, is lost, or the server is shutting down."""
    service: Service = request.app.state.service
    service.check_ready()
    model = service.engine.model
    assert model is not None, "a ready engine has a model"
    return schema.Ready(status="ready", model=model.name, tasks=list(model.tasks))


@router.get("/metrics", response_class=Response, summary="Prometheus metrics")
async def metrics(request: Request) -> Response:
    """Counters, gauges and histograms, all with the prefix `timeaudio_`."""
    service: Service = request.app.state.service
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


answer_head(router)
