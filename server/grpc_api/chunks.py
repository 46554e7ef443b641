"""Receives a file in chunks and writes each to disk as it comes, so that only one chunk is in memory."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from model.errors import EmptyAudio
from server.errors import MalformedRequest, UploadTooLarge, UploadTooSlow
from server.runtime.run_blocking import file_work
from server.settings import Limits
from timeaudio.v1 import timeaudio_pb2 as pb


async def save(requests: AsyncIterator[pb.AnalyzeRequest], limits: Limits, target: Path) -> None:
    """Write all chunks to `target`.

    Raises:
        UploadTooLarge, UploadTooSlow, MalformedRequest: as for an HTTP body.
        EmptyAudio: the file has no bytes.
    """
    length = 0
    try:
        async with asyncio.timeout(limits.upload_timeout_s):
            with target.open("wb") as file:
                async for request in requests:
                    chunk = chunk_of(request)
                    length += await file_work(len(chunk), file.write, chunk)  # into the page cache
                    if length > limits.upload_bytes:
                        raise UploadTooLarge(limit=limits.upload_bytes)
    except TimeoutError:
        raise UploadTooSlow(
            f"The file must arrive within {limits.upload_timeout_s:g} s (limit: TIMEAUDIO_LIMITS__UPLOAD_TIMEOUT_S). "
            "Send a smaller file, for example in a compressed format (flac, ogg)."
        ) from None
    if not length:
        raise EmptyAudio("The file has 0 bytes. Send a recording with at least 0.1 s of sound.")


def chunk_of(request: pb.AnalyzeRequest) -> bytes:
    """Return the chunk in a request after the first.

    Raises:
        MalformedRequest: the request holds no chunk.
    """
    if request.WhichOneof("part") != "chunk":
        raise MalformedRequest("Every request after the first, which holds the configuration, must hold a chunk.")
    return bytes(request.chunk)
