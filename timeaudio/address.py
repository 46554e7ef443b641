"""Parse and check server addresses."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def checked_address(base_url: str) -> SplitResult:
    """Split an address into its parts.

    Raises:
        ValueError: the address has none of the supported forms.
    """
    try:
        url = urlsplit(base_url)
        port = url.port
        (url.hostname or "").encode("idna")  # as the look-up of the host does
    except ValueError as error:
        raise ValueError(f"{base_url!r} is not a valid address: {error}. Use http://HOST:PORT.") from error
    if "@" in url.netloc:  # not shown: it may contain a password
        raise ValueError("The address contains a user name. Use http://HOST:PORT, and TIMEAUDIO_API_KEY for the key.")
    if url.scheme not in {"http", "https", "grpc", "grpcs"} or not url.hostname:
        raise ValueError(f"{base_url!r} is not a valid address. Use http://HOST:PORT or grpc://HOST:PORT.")
    if url.scheme.startswith("grpc") and port is None:
        raise ValueError(f"{base_url!r} has no port. Use {url.scheme}://HOST:PORT.")
    return url


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
