"""Choose the transport for an address: http://, https://, grpc:// or grpcs:// (gRPC needs the extra `grpc`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from timeaudio.address import checked_address
from timeaudio.extras import how_to_install
from timeaudio.over_http import AsyncHttpTransport, HttpTransport
from timeaudio.requests import AsyncTransport, Transport


def transport(base_url: str, timeout: float, headers: Mapping[str, str]) -> Transport:
    """Return the transport of `Client`, which sends `headers` with every request. Units: `timeout` is seconds.

    Raises:
        ValueError: the address has none of the supported forms.
        ImportError: the address needs a library that is not installed.
    """
    address = checked_address(base_url)
    if address.scheme.startswith("http"):
        return HttpTransport(address, timeout, headers)
    with _extra_needed():
        from timeaudio.over_grpc import GrpcTransport
    return GrpcTransport(address, timeout, headers)


def async_transport(base_url: str, timeout: float, headers: Mapping[str, str]) -> AsyncTransport:
    """Return the transport of `AsyncClient`. Raises: as `transport`."""
    address = checked_address(base_url)
    if address.scheme.startswith("http"):
        return AsyncHttpTransport(address, timeout, headers)
    with _extra_needed():
        from timeaudio.over_grpc import AsyncGrpcTransport
    return AsyncGrpcTransport(address, timeout, headers)


@contextmanager
def _extra_needed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(f"A grpc:// address needs {error.name}. Run: {how_to_install('grpc')}") from error
