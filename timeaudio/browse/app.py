"""The routes of `timeaudio browse`: its page, recordings as JSON, their sound, and downloads."""

import asyncio
import io
import mimetypes
import os
import zipfile
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from server.playground.assets import read_folder, respond
from timeaudio.archive.exports import TrackFormat, by_recording, places, playlist, table, track
from timeaudio.archive.matching import MAX_QUERY, QueryError
from timeaudio.archive.search import EventFilter, EventRow
from timeaudio.browse.library import Library, Selection
from timeaudio.formats import FORMATS
from timeaudio.inputs import SUFFIXES
from timeaudio.local_app import described, problem

SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self'; media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",  # other sites cannot play the recordings
}
_PAGE: Final = 40  # recordings

_DIGITS: Final = 19  # the shortest numbers that do not fit into DuckDB's BIGINT have this many digits
_Count = Annotated[int, Field(ge=0, lt=2**63)]  # DuckDB's BIGINT


class SelectionParameters(BaseModel):
    """The parameters of a selection."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field("", max_length=MAX_QUERY)
    kind: str = ""
    min_confidence: float = Field(0.0, ge=0.0, le=1.0)
    after: NaiveDatetime | None = None
    before: NaiveDatetime | None = None

    @property
    def selection(self) -> Selection:
        """The selection that they describe."""
        limits = EventFilter(min_confidence=self.min_confidence or None, after=self.after, before=self.before)
        return Selection(self.query.strip(), self.kind, limits)


class PageRequest(SelectionParameters):
    """The parameters of a page of a selection."""

    offset: _Count = 0


class Download(BaseModel):
    """The events to write: those with these numbers, or those of a selection."""

    model_config = ConfigDict(extra="forbid")

    events: list[_Count] | None = None
    wanted: SelectionParameters = SelectionParameters()


def create_app(library: Library, *, hosts: Sequence[str]) -> Starlette:
    """Return the application. `hosts` are the host names that requests may use; `*` allows any."""
    site = {f"site/{name}": asset for name, asset in read_folder(files("timeaudio") / "browse" / "site").items()}
    shared = read_folder(files("server") / "playground" / "site")
    assets = site | {f"page/{name}": asset for name, asset in shared.items()}

    async def page(request: Request) -> Response:
        return respond(request, assets["site/index.html"], SECURITY)

    async def asset(request: Request) -> Response:
        found = assets.get(request.url.path.removeprefix("/"))
        return (
            problem(404, "The page has no such file.", SECURITY) if found is None else respond(request, found, SECURITY)
        )

    async def about(request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(library.about), headers=SECURITY)

    async def recordings(request: Request) -> Response:
        parameters = PageRequest.model_validate(dict(request.query_params))
        found = await asyncio.to_thread(library.page, parameters.selection, offset=parameters.offset, limit=_PAGE)
        fields = {"reason": found.reason, "num_recordings": found.num_recordings, "num_events": found.num_events}
        return JSONResponse(fields | {"recordings": found.recordings}, headers=SECURITY)

    async def sound(request: Request) -> Response:
        number = request.path_params["recording"]
        is_possible = number.isdecimal() and len(number) < _DIGITS
        path = await asyncio.to_thread(library.sound, int(number)) if is_possible else None
        if path is None or path.suffix.lower() not in SUFFIXES or not os.path.isfile(path):
            return problem(
                404,
                "The recording is not where the archive says. Run `timeaudio browse` where `timeaudio batch` ran.",
                SECURITY,
            )
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return FileResponse(path, media_type=media_type, headers=SECURITY)

    async def download(request: Request) -> Response:
        download = Download.model_validate_json(await request.body())
        chosen = download.wanted.selection if download.events is None else download.events
        form = request.path_params["form"]
        if form not in ("csv", "m3u", "srt", "audacity"):
            return problem(404, "Use csv, m3u, srt or audacity.", SECURITY)
        name, body = await asyncio.to_thread(lambda: written(library, library.events(chosen), form))
        headers = SECURITY | {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type="application/octet-stream", headers=headers)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/site/{path:path}", asset),
            Route("/page/{path:path}", asset),
            Route("/archive/about.json", about),
            Route("/archive/recordings.json", recordings),
            Route("/archive/sound/{recording}", sound),
            Route("/archive/events.{form}", download, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={ValidationError: _refused, QueryError: _wordless},
    )


def written(library: Library, events: Iterable[EventRow], form: str) -> tuple[str, bytes]:
    """Return the name and the content of a download. Subtitles and labels of several recordings are a zip file."""
    if form == "csv":
        return "events.csv", "".join(table(events)).encode()
    if form == "m3u":
        return "events.m3u8", "".join(playlist(events, library.locate)).encode()
    kind: TrackFormat = "srt" if form == "srt" else "audacity"
    found = list(by_recording(events))
    if len(found) == 1:
        return f"events{FORMATS[kind].suffix}", track(found[0][1], kind).encode()
    body = io.BytesIO()
    named = places(dict(found))
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, some in found:
            packed.writestr(f"{named[path]}{FORMATS[kind].suffix}", track(some, kind))
    return f"events-{form}.zip", body.getvalue()


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return problem(422, described(error), SECURITY)


async def _wordless(request: Request, error: Exception) -> Response:
    # The error's own words are for the command line. Longer queries than it allows are refused above.
    return problem(422, "The query has no words. Type what to look for in Find, such as: a dog barking.", SECURITY)
