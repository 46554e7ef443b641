"""The recording that a call names, in one of three ways: a path, an address, or bytes in base64."""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from timeaudio.agent_tools.download import downloaded
from timeaudio.agent_tools.folders import inside
from timeaudio.errors import ClientError

_DATA_URL: Final = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)


class RecordingRefused(ClientError):
    """A call names no recording, or several, or bytes that cannot be read."""


@dataclass(frozen=True, slots=True)
class NamedRecording:
    """The three ways to name a recording; a call uses one of them."""

    path: str | None = None
    url: str | None = None
    data: str | None = None

    @asynccontextmanager
    async def opened(self, folders: Sequence[Path], prefixes: Sequence[httpx.URL]) -> AsyncIterator[Path | bytes]:
        """Yield the file, or its bytes, which exist inside the context.

        Raises:
            ClientError: the recording cannot be used; the message says what to do.
        """
        match self.path, self.url, self.data:
            case str() as path, None, None:
                yield inside(path, folders)
            case None, str() as url, None:
                async with downloaded(url, prefixes) as file:
                    yield file
            case None, None, str() as data:
                yield _decoded(data)
            case _:
                raise RecordingRefused("Name the recording once: with path, with url, or with data (base64).")


def _decoded(text: str) -> bytes:
    start = _DATA_URL.match(text)
    try:
        return base64.b64decode("".join(text[start.end() if start else 0 :].split()), validate=True)
    except (binascii.Error, ValueError):
        raise RecordingRefused("data is not base64. Send the bytes of an audio file in base64.") from None
