"""Fetch recordings from the addresses that the operator allows, and from no other."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import unquote

import httpx

from timeaudio.errors import ClientError

MAX_BYTES: Final = 256 * 1024 * 1024
"""The largest file that is fetched: by default, a server accepts no larger file."""

NO_PROXY: Final = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}
"""This computer is never reached through a proxy, whatever HTTP_PROXY says: the proxy would get the token."""

_MAX_REDIRECTS: Final = 5
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)


class AddressRefused(ClientError):
    """An address that is not allowed, or that returns no file."""


def checked_prefix(text: str) -> httpx.URL:
    """Return an allowed prefix, such as `https://media.example.org/sounds/`.

    Raises:
        ValueError: it is not an http or https address with a host, or has more than a path.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"{text!r} is not an address: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError(f"{text!r} is not a prefix. Use https://HOST/ or https://HOST/PATH/.")
    if url.port is not None and not 0 < url.port <= 65535:
        raise ValueError(f"{text!r} is not a prefix: a port is between 1 and 65535.")
    return url


def is_allowed(url: httpx.URL, prefixes: Sequence[httpx.URL]) -> bool:
    """Return whether an address is at or below a prefix: same scheme, host, port and leading path segments."""
    if url.userinfo:
        return False
    parts = _segments(url)
    if any(part in (".", "..") or "/" in part or "\\" in part for part in parts):
        return False  # a server may resolve them to another path
    for prefix in prefixes:
        wanted = _segments(prefix)
        if _origin(url) == _origin(prefix) and parts[: len(wanted)] == wanted:
            return True
    return False


@asynccontextmanager
async def downloaded(
    address: str, prefixes: Sequence[httpx.URL], auth: httpx.Auth | None = None
) -> AsyncIterator[Path]:
    """Fetch a file into a temporary folder, which exists inside the context. `auth` also applies to redirects.

    Raises:
        AddressRefused: the address, or one that it redirects to, is not allowed or returns no file within the limits.
    """
    with TemporaryDirectory(prefix="timeaudio-") as folder:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, auth=auth, mounts=NO_PROXY) as http:
                target = await _fetched(http, address, prefixes, Path(folder))
        except httpx.InvalidURL as error:
            raise AddressRefused(f"{address!r} is not an address: {error}.") from error
        except httpx.HTTPError as error:
            raise AddressRefused(f"{address} cannot be fetched: {str(error) or type(error).__name__}.") from error
        yield target


async def _fetched(http: httpx.AsyncClient, address: str, prefixes: Sequence[httpx.URL], folder: Path) -> Path:
    url = httpx.URL(address)
    for _ in range(_MAX_REDIRECTS + 1):
        if not is_allowed(url, prefixes):
            raise AddressRefused(_refusal(url, prefixes))
        async with http.stream("GET", url) as response:
            if response.next_request is not None:  # checked like the first address
                url = response.next_request.url
                continue
            if not response.is_success:
                raise AddressRefused(f"{url} answered {response.status_code}. Check the address.")
            target = folder / "recording"  # the name in an address may not be a valid file name
            with target.open("wb") as file:
                async for chunk in response.aiter_bytes():
                    if file.tell() + len(chunk) > MAX_BYTES:
                        raise AddressRefused(f"{url} is larger than {MAX_BYTES // 2**20} MiB. Use a smaller file.")
                    file.write(chunk)
            return target
    raise AddressRefused(f"{address} redirects more than {_MAX_REDIRECTS} times. Use the final address.")


def _refusal(url: httpx.URL, prefixes: Sequence[httpx.URL]) -> str:
    if url.scheme not in ("http", "https"):
        return f"{url} is not an HTTP address. Use http or https, or name a file by its path."
    if not prefixes:
        return "No address is allowed. Start `timeaudio mcp` with --allow-url PREFIX, or send the recording's bytes."
    return f"{url.copy_with(userinfo=b'')} is not allowed. Allowed prefixes: {', '.join(map(str, prefixes))}."


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    """Return scheme, host and port; the host as it is sent, since not every host can be decoded."""
    return url.scheme, url.raw_host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def _segments(url: httpx.URL) -> list[str]:
    """Return the decoded parts of the path; an empty last part, after a trailing slash, does not count."""
    raw = url.raw_path.split(b"?")[0].decode("ascii")
    parts = [unquote(part) for part in raw.split("/")[1:]]
    return parts[:-1] if parts and not parts[-1] else parts
