"""`GET /v1/models`: the loaded checkpoint in OpenAI's format, with the tasks that it was trained for."""

import time

from fastapi import APIRouter, Request

from server.api.openai_schema import ModelCard, ModelList
from server.errors import ModelNotFound, NotReady
from server.inference.service import Service
from server.rest.head import answer_head
from server.rest.problems import documented

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"])

_STARTED = int(time.time())
# Not a function parameter: FastAPI would document its own 422, which a string never causes.
_NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}, "example": "timeaudio-small"}


@router.get(
    "/models", response_model=ModelList, responses=documented(NotReady, openai=True), summary="List the loaded models"
)
async def list_models(request: Request) -> ModelList:
    """The loaded model and its tasks. The server rejects any other task instead of guessing."""
    return ModelList(data=[_card(request)])


@router.get(
    "/models/{name:path}",
    response_model=ModelCard,
    responses=documented(ModelNotFound, NotReady, openai=True),
    openapi_extra={"parameters": [_NAME]},
    summary="Get one model",
)
async def retrieve_model(request: Request) -> ModelCard:
    """The model of this name, if it is loaded."""
    card = _card(request)
    name = request.path_params["name"]
    if name != card.id:
        raise ModelNotFound(name, loaded=card.id)
    return card


def check_model(service: Service, name: str) -> None:
    """Check the model that a request names, so that no client mistakes the answer of one model for another's.

    Raises:
        ModelNotFound: it is not loaded.
    """
    model = service.engine.model
    if model is not None and name != model.name:
        raise ModelNotFound(name, loaded=model.name)


def _card(request: Request) -> ModelCard:
    service: Service = request.app.state.service
    service.check_open()
    model = service.engine.model
    assert model is not None, "a ready engine has a model"
    return ModelCard(id=model.name, created=_STARTED, tasks=list(model.tasks))


answer_head(router)
