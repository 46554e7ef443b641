"""Keep the paths of callers inside the allowed folders, whatever links and `..` they contain."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from timeaudio.errors import ClientError


class PathRefused(ClientError):
    """A path that a caller may not read, or that is not a file."""


def folders_of(uris: Iterable[str]) -> list[Path]:
    """Return the folders that a client's roots name, without those that are not a `file:` URI of this machine."""
    parts = (urlsplit(uri) for uri in uris)
    return [Path(unquote(part.path)) for part in parts if part.scheme == "file" and part.netloc in ("", "localhost")]


def inside(path: str, folders: Sequence[Path]) -> Path:
    """Return the real path of a file inside one of the folders. A relative path is looked up in each, in their order.

    Raises:
        PathRefused: it is outside, or not a file. The message does not reveal whether a path outside exists.
    """
    if not folders:
        raise PathRefused("No folder is allowed. Start `timeaudio mcp` with --root DIR, or send the recording's bytes.")
    try:
        found = [real for folder in folders if (real := _real(folder, path)) is not None]
        existing = [real for real in found if real.is_file()]
    except (OSError, ValueError, RuntimeError):  # a loop of links, a name that is too long, a null byte
        found = existing = []
    allowed = ", ".join(map(str, folders))
    if not found:
        raise PathRefused(f"{path[:200]!r} is not inside an allowed folder. Allowed: {allowed}.")
    if not existing:
        raise PathRefused(f"{path[:200]!r} is not a file. A relative path starts in an allowed folder: {allowed}.")
    return existing[0]


def _real(folder: Path, path: str) -> Path | None:
    """Return the path without links and `..`, or None if it is outside of the folder."""
    top = folder.resolve()
    real = (top / path).resolve()
    return real if real.is_relative_to(top) else None
