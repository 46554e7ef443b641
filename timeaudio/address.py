"""Where a server is: what is understood as its address."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def checked_address(base_url: str) -> SplitResult:
    """The address in its parts.

    Raises:
        ValueError: it is of none of the forms that are understood.
    """
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError as error:
        raise ValueError(f"{base_url!r} is no address: {error}. Give it as http://HOST:PORT.") from error
    if "@" in url.netloc:  # not told again: it may hold a password
        raise ValueError("The address names a user. Give it as http://HOST:PORT, and the API key as TIMEAUDIO_API_KEY.")
    if url.scheme not in {"http", "https", "grpc", "grpcs"} or not url.hostname:
        raise ValueError(f"{base_url!r} is no address. Give it as http://HOST:PORT, or grpc://HOST:PORT.")
    if url.scheme.startswith("grpc") and port is None:
        raise ValueError(f"{base_url!r} names no port. Give it as {url.scheme}://HOST:PORT.")
    return url


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
