"""Serves `/docs` and `/redoc`, the interactive API reference.

Swagger UI and Redoc come from the package `fastapi-offline`, not from a CDN, so both pages work without the internet.
"""

import asyncio
import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from server.playground.assets import Asset, read_folder, respond
from server.rest.head import answer_head

_ICON: Final = "page/icon.svg"


def router(title: str) -> APIRouter:
    """Return the routes of both pages. Their links are relative, so a proxy may serve them below a path."""
    made = APIRouter(include_in_schema=False)
    swagger = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=title,
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url=_ICON,
    )
    redoc = get_redoc_html(
        openapi_url="openapi.json",
        title=title,
        redoc_js_url="docs/redoc.standalone.js",
        redoc_favicon_url=_ICON,
        with_google_fonts=False,
    )
    for page in (swagger, redoc):
        page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())

    @made.get("/docs")
    async def docs() -> HTMLResponse:
        return swagger

    @made.get("/redoc")
    async def read() -> HTMLResponse:
        return redoc

    @made.get("/docs/{name}")
    async def file(request: Request) -> Response:
        assets = await asyncio.to_thread(_assets)
        if (asset := assets.get(request.path_params["name"])) is None:
            raise HTTPException(404)
        return respond(request, asset, {})

    answer_head(made)
    return made


@cache
def _assets() -> dict[str, Asset]:
    """Return the scripts and styles. Called on the first visit, not at start-up: it compresses three megabytes."""
    return read_folder(files("fastapi_offline") / "static")


def _policy(page: str) -> str:
    """Allow the server's own files and the page's own inline script. Both programs write styles into their elements."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = (f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "worker-src blob:",  # Redoc's search
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
