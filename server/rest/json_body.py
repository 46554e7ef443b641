"""A JSON body, read into memory within a limit of its own, and the recording in it."""

import base64
import binascii
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request

from server.errors import MalformedRequest, UploadTooLarge
from server.offload import file_work
from server.settings import Limits


async def read_object(request: Request, limits: Limits) -> dict[str, Any]:
    """The JSON object that is the body.

    Raises:
        UploadTooLarge: it has more bytes than JSON may have.
        MalformedRequest: it is no JSON object.
        ClientDisconnect: the caller went away.
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
        # Not the standard library's: this one is faster, and refuses texts that are no Unicode.
        value = await file_work(len(body), from_json, bytes(body))
    except ValueError as error:
        raise MalformedRequest(f"The body is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object, in braces.")
    return value


async def decoded(text: str) -> bytes:
    """The bytes that base64 stands for.

    Raises:
        ValueError: it is no base64; the message says so as the detail of a field.
    """
    try:
        return await file_work(len(text), base64.b64decode, text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is no base64; send the file's bytes as plain base64, without a `data:` in front") from None


def _too_large(limits: Limits, length: int | None = None) -> UploadTooLarge:
    return UploadTooLarge(
        limit=limits.json_bytes,
        length=length,
        setting="JSON_BYTES",
        instead="Send larger recordings as multipart/form-data, or as the body itself with an audio content type.",
    )
