"""Read a JSON body into memory, within its own size limit, and decode the recording in it."""

import base64
import binascii
import codecs
import re
from typing import Any, Final

from pydantic_core import from_json
from starlette.requests import Request

from server.errors import MalformedRequest, UploadTooLarge
from server.rest.content_encoding import refuse_encoded
from server.runtime.run_blocking import file_work
from server.settings import Limits

_DATA_URL: Final = re.compile(r"\s*data:[^,;]{0,100}(?:;[^,;]{0,100}){0,8};\s*base64\s*,", re.IGNORECASE)
_LARGEST_EXACT: Final = 2**53


async def read_object(request: Request, limits: Limits) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        UnsupportedBody: the body is compressed.
        UploadTooLarge: the body exceeds the limit for JSON.
        MalformedRequest: the body is not a JSON object.
        ClientDisconnect: the client disconnected.
    """
    refuse_encoded(request.headers)
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
        value = await file_work(len(body), _parsed, bytes(body))
    except ValueError as error:
        raise MalformedRequest(f"The body is not valid JSON in UTF-8: {error}.") from None
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object ({...}).")
    return value


async def decoded(text: str) -> bytes:
    """Decode base64. It may contain line breaks, as most tools write them, and be a `data:` URL, as browsers send.

    Raises:
        ValueError: the text is not base64; the message is the detail of a field error.
    """
    try:
        return await file_work(len(text), _decoded, text)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64; send the file's bytes as base64, or as a data: URL with ;base64") from None


def _parsed(body: bytes) -> Any:
    return _with_whole_numbers(from_json(body.removeprefix(codecs.BOM_UTF8), allow_inf_nan=False))


def _with_whole_numbers(value: Any) -> Any:
    """Return a JSON value with 2.0 replaced by 2: JSON has one number type, and some languages always write the .0."""
    match value:
        case dict():
            return {name: _with_whole_numbers(member) for name, member in value.items()}
        case list():
            return [_with_whole_numbers(member) for member in value]
        case float() if value.is_integer() and abs(value) <= _LARGEST_EXACT:
            return int(value)
        case _:
            return value


def _decoded(text: str) -> bytes:
    start = _DATA_URL.match(text)
    plain = text[start.end() :] if start else text
    return base64.b64decode(b"".join(plain.encode("ascii").split()), validate=True)


def _too_large(limits: Limits, length: int | None = None) -> UploadTooLarge:
    return UploadTooLarge(
        limit=limits.json_bytes,
        length=length,
        setting="JSON_BYTES",
        instead="Send larger recordings as multipart/form-data, or as the body itself with an audio content type.",
    )
