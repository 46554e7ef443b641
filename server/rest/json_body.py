"""Read a JSON body into memory, within its own size limit, and decode the recording in it."""

import base64
import binascii
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request

from server.errors import MalformedRequest, UploadTooLarge
from server.runtime.run_blocking import file_work
from server.settings import Limits


async def read_object(request: Request, limits: Limits) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        UploadTooLarge: the body exceeds the limit for JSON.
        MalformedRequest: the body is not a JSON object.
        ClientDisconnect: the client disconnected.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.json_bytes:
        raise _too_large(limits, int(declared))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.json_bytes:
            raise _too_large(limits)
    try:
        # Faster than the standard library's parser, and rejects invalid Unicode.
        value = await file_work(len(body), from_json, bytes(body))
    except ValueError as error:
        raise MalformedRequest(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object ({...}).")
    return value


async def decoded(text: str) -> bytes:
    """Decode base64.

    Raises:
        ValueError: the text is not base64; the message is the detail of a field error.
    """
    try:
        return await file_work(len(text), base64.b64decode, text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64; send the file's bytes as plain base64, without a `data:` prefix") from None


def _too_large(limits: Limits, length: int | None = None) -> UploadTooLarge:
    return UploadTooLarge(
        limit=limits.json_bytes,
        length=length,
        setting="JSON_BYTES",
        instead="Send larger recordings as multipart/form-data, or as the body itself with an audio content type.",
    )
