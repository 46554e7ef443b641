"""Refuse bodies with a Content-Encoding: decompressing them would need a limit of its own."""

from collections.abc import Iterable

from starlette.datastructures import Headers

from server.errors import UnsupportedBody

_PLAIN = {"", "identity", "7bit", "8bit", "binary"}


def refuse_encoded(headers: Headers, names: Iterable[str] = ("content-encoding",)) -> None:
    """Check that a body, or a part of a form, is sent without a content encoding.

    Raises:
        UnsupportedBody: one of the headers names an encoding.
    """
    for name in names:
        found = [word.strip() for value in headers.getlist(name) for word in value.split(",")]
        unread = [word[:40] for word in found if word.lower() not in _PLAIN]
        if unread:
            raise UnsupportedBody(
                f"The body was sent with {name.title()}: {', '.join(unread)}, which this server does not decode. "
                "Send the file as it is; a compressed audio format (flac, ogg, mp3) makes it smaller."
            )
