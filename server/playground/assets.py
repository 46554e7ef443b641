"""Serve static files: read once, tagged by content, compressed if that helps.

The tag is a hash of the content, so that all replicas agree on it, however their files were installed.
Source: RFC 9110, sections 8.8.3 and 13.1.2.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
    ".flac": "audio/flac",
}
"""Files of other types are not served."""

_PACKED: Final = {".woff2", ".flac"}  # compressed already

CACHING: Final = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
"""The browser caches files but revalidates each time: a 304 costs 100 bytes, and a new version appears at once."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    zipped: bytes | None
    etag: str
    media_type: str


def read_folder(folder: Traversable) -> dict[str, Asset]:
    """Return all files of a folder and its subfolders, by relative path."""
    return {path: _asset(path, file.read_bytes()) for path, file in _walk(folder) if _suffix(path) in MEDIA_TYPES}


def respond(request: Request, asset: Asset, headers: dict[str, str]) -> Response:
    """Return the file, or a 304 if the browser's copy is current."""
    headers = {**CACHING, **headers, "ETag": asset.etag}
    if _matches(request.headers.get("if-none-match", ""), asset.etag):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if asset.zipped is not None and _accepts_gzip(request.headers.get("accept-encoding", "")):
        body = asset.zipped
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=asset.media_type, headers=headers)


def _walk(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        path = f"{above}{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry


def _asset(path: str, body: bytes) -> Asset:
    # Weak: the same tag covers the compressed and the plain bytes.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    zipped = None if _suffix(path) in _PACKED else gzip.compress(body, mtime=0)
    return Asset(body, zipped, etag, MEDIA_TYPES[_suffix(path)])


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client accepts gzip; a weight of 0 refuses it. Source: RFC 9110, section 12.5.3."""
    weights: dict[str, str] = {}
    for item in accept_encoding.lower().split(","):
        coding, _, weight = item.partition(";")
        weights[coding.strip()] = weight.replace(" ", "")
    weight = weights.get("gzip", weights.get("*", "q=0"))
    return not re.fullmatch(r"q=0(\.0*)?", weight)


def _matches(if_none_match: str, etag: str) -> bool:
    return if_none_match.strip() == "*" or etag in (tag.strip() for tag in if_none_match.split(","))
