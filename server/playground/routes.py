"""The page at `/` and its files. These routes are not part of the API, which the page calls like any other client."""

import asyncio
import json
from importlib.resources import files
from typing import Any, Final, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from model.timeline.task import Task
from server.errors import InvalidField, InvalidFieldDetail
from server.inference.service import Service
from server.playground.assets import read_folder, respond
from server.rest.json_body import read_object
from server.rest.upload import while_arriving
from server.settings import Limits, Settings
from timeaudio import results
from timeaudio.formats import DEFAULT_NAME, FORMAT_NAMES, FORMATS, FormatName, write
from timeaudio.results import AnyAnswer

CLIPS: Final = (
    {"file": "farmyard.flac", "title": "A farmyard", "about": "a rooster, a dog, rain", "seconds": 12.0},
    {"file": "dog-barking.flac", "title": "A dog", "about": "barking, close by", "seconds": 5.0},
    {"file": "rooster-crowing.flac", "title": "A rooster", "about": "crowing, once", "seconds": 5.0},
)
"""The example recordings."""

_WAVEFORM_STYLE: Final = "'sha256-Y/8t1dAKa3ay+RZEiEFEDr8dFiQhpaFvYXXUfT3p6ZU='"
"""Hash of the one style sheet that is not a file: wavesurfer.js inserts it into its shadow tree."""

SECURITY: Final = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' {_WAVEFORM_STYLE}",
            "font-src 'self'",
            "img-src 'self'",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}

_ANSWERS: Final[dict[Task, type[AnyAnswer]]] = {
    "dense_caption": results.DenseCaption,
    "ground": results.Grounding,
    "summarize": results.Summary,
    "ask": results.QuestionAnswer,
}


class _FormatRequest(BaseModel):
    """The request body of `/page/written/{format}`."""

    model_config = ConfigDict(extra="forbid")

    task: Task
    answer: dict[str, object]
    name: str = DEFAULT_NAME


def router(settings: Settings) -> APIRouter:
    """Return the routes of the page, configured with the operator's settings."""
    site = read_folder(files("server") / "playground" / "site")
    clips = read_folder(files("server") / "playground" / "clips") | read_folder(files("server") / "recordings")
    about = json.dumps(_about(settings))
    made = APIRouter(include_in_schema=False)

    @made.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return respond(request, site["index.html"], SECURITY)

    @made.api_route("/page/about.json", methods=["GET", "HEAD"])
    async def about_file() -> Response:
        return Response(about, media_type="application/json", headers={"Cache-Control": "no-cache"})

    @made.post("/page/written/{format_name}")
    async def written(request: Request) -> Response:
        service: Service = request.app.state.service
        with service.place():  # the body and what is written from it are in memory
            return await _write(request, settings.limits)

    @made.api_route("/page/clips/{name}", methods=["GET", "HEAD"])
    async def clip(request: Request) -> Response:
        if (asset := clips.get(request.path_params["name"])) is None:
            raise HTTPException(404)
        return respond(request, asset, SECURITY)

    @made.api_route("/page/{path:path}", methods=["GET", "HEAD"])
    async def file(request: Request) -> Response:
        if (asset := site.get(request.path_params["path"])) is None:
            raise HTTPException(404)
        return respond(request, asset, SECURITY)

    return made


def _about(settings: Settings) -> dict[str, object]:
    """Return the configuration that the page loads first."""
    limits = settings.limits
    return {
        "limits": {
            "audio_seconds": limits.audio_seconds,
            "question_seconds": min(limits.audio_seconds, settings.passes.whole_s),
            "upload_bytes": limits.upload_bytes,
            "query_chars": limits.query_chars,
        },
        "needs_key": settings.access.keys_file is not None,
        "clips": CLIPS,
        "formats": [{"name": name, "suffix": FORMATS[name].suffix} for name in FORMAT_NAMES],
    }


async def _write(request: Request, limits: Limits) -> Response:
    """Convert an answer that the page already has to another format.

    Raises:
        InvalidField: the format is unknown, or the body is not an answer.
        MalformedRequest, UploadTooLarge, UploadTooSlow, Cancelled: the body cannot be read.
    """
    format_name = request.path_params["format_name"]
    if format_name not in FORMATS:
        raise InvalidField(
            [InvalidFieldDetail("format", f"must be one of {', '.join(FORMATS)}, not {format_name[:40]}")]
        )
    try:
        async with while_arriving(limits):
            body = await read_object(request, limits)
        text = await asyncio.to_thread(_written, body, cast(FormatName, format_name))  # seconds, for a large answer
    except ValidationError as error:
        raise InvalidField(
            [InvalidFieldDetail("/".join(map(str, wrong["loc"])) or "body", wrong["msg"]) for wrong in error.errors()]
        ) from None
    except (OverflowError, ValueError):
        raise InvalidField([InvalidFieldDetail("answer", "has times that cannot be written")]) from None
    return Response(text, media_type=FORMATS[cast(FormatName, format_name)].media_type)


def _written(body: dict[str, Any], format_name: FormatName) -> bytes:
    conversion = _FormatRequest.model_validate(body)
    answer = _ANSWERS[conversion.task].model_validate(conversion.answer)
    return write(answer, format_name, name=conversion.name).encode()
