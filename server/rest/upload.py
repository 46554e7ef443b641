"""Read a recording and its fields from one of three kinds of body.

    multipart/form-data                     the recording in the field `file`, next to the other fields
    application/json                        the recording in `file` as base64, next to the other fields
    audio/*, video/*, octet-stream, ogg     the recording is the body

The query string may hold fields too. Each field may be in one place only.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Generic, TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from model.errors import EmptyAudio
from server.api.form import Form
from server.api.validation import FILE, checked, mistyped, unknown_field
from server.errors import Cancelled, InvalidFieldDetail, MalformedRequest, UnsupportedBody, UploadTooSlow
from server.rest.content_encoding import refuse_encoded
from server.rest.form_parts import read_form
from server.rest.json_body import decoded, read_object
from server.runtime.run_blocking import file_work
from server.settings import Limits
from timeaudio.formats import DEFAULT_NAME

F = TypeVar("F", bound=Form)

_SPARE = 8  # parts beyond those of a correct request, so that unknown ones are listed by name, not just rejected
_RAW = ("audio/", "video/", "application/octet-stream", "application/ogg")


@dataclass(frozen=True, slots=True)
class ParsedUpload(Generic[F]):
    """The validated fields and the name of the recording."""

    fields: F
    name: str


async def receive(request: Request, form: type[F], limits: Limits, target: Path) -> ParsedUpload[F]:
    """Read the body: write the recording to `target` and return the validated fields.

    Raises:
        UnsupportedBody, MalformedRequest, UploadTooLarge, UploadTooSlow: the body cannot be read.
        InvalidField: fields are missing, unknown or of the wrong type; the error lists all of them.
        EmptyAudio: the recording has no bytes.
        Cancelled: the client disconnected.
    """
    refuse_encoded(request.headers)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with while_arriving(limits):
        if media_type == "multipart/form-data":
            return await _from_form(request, form, limits, target)
        if media_type == "application/json":
            return await _from_json(request, form, limits, target)
        if media_type.startswith(_RAW):
            return await _from_raw(request, form, target)
    raise UnsupportedBody(
        f"Send the recording as multipart/form-data in the field {FILE} (with curl: -F {FILE}=@recording.wav), "
        f"as the body with an audio content type such as audio/wav, or as base64 in a JSON object; "
        f"not as {media_type or 'an undeclared type'}."
    )


@asynccontextmanager
async def while_arriving(limits: Limits) -> AsyncIterator[None]:
    """Limit the time in which a body is read, and convert the libraries' errors.

    Raises:
        UploadTooSlow, MalformedRequest, Cancelled: in place of the libraries' errors.
    """
    try:
        async with asyncio.timeout(limits.upload_timeout_s):
            yield
    except TimeoutError:
        raise UploadTooSlow(
            f"The body must arrive within {limits.upload_timeout_s:g} s (limit: TIMEAUDIO_LIMITS__UPLOAD_TIMEOUT_S). "
            "Send a smaller file, for example in a compressed format (flac, ogg)."
        ) from None
    except ClientDisconnect:
        raise Cancelled("The client disconnected during the upload.") from None
    except HTTPException as error:  # Starlette's error for a form that it cannot parse
        raise MalformedRequest(f"The multipart body cannot be read: {error.detail}") from error


async def _from_form(request: Request, form: type[F], limits: Limits, target: Path) -> ParsedUpload[F]:
    most_fields = len(form.model_fields) + limits.queries + _SPARE
    data = await read_form(request, max_files=_SPARE, max_fields=most_fields)
    try:
        errors = file_errors(data)
        beside = _gathered(form, [item for item in data.multi_items() if item[0] != FILE], errors)
        fields = checked(form, _with_query(request, form, beside, errors), errors)
        name = await save_file(data, target)
        return ParsedUpload(fields, fields.name or name or DEFAULT_NAME)
    finally:
        await data.close()


async def _from_raw(request: Request, form: type[F], target: Path) -> ParsedUpload[F]:
    errors: list[InvalidFieldDetail] = []
    fields = checked(form, _with_query(request, form, {}, errors), errors)
    length = 0
    with target.open("wb") as file:
        async for chunk in request.stream():  # chunks of a few kilobytes, into the page cache
            length += file.write(chunk)
    _not_empty(length)
    return ParsedUpload(fields, fields.name or DEFAULT_NAME)


async def _from_json(request: Request, form: type[F], limits: Limits, target: Path) -> ParsedUpload[F]:
    sent = await read_object(request, limits)
    values = {name: value for name, value in sent.items() if value is not None or name not in form.model_fields}
    text, recording = values.pop(FILE, None), b""
    errors = mistyped(form, values)
    if isinstance(text, str):
        try:
            recording = await decoded(text)
        except ValueError as error:
            errors.insert(0, InvalidFieldDetail(FILE, str(error)))
    else:
        errors.insert(0, InvalidFieldDetail(FILE, "missing; send the recording's bytes in base64"))
    fields = checked(form, _with_query(request, form, values, errors), errors)
    _not_empty(len(recording))
    await file_work(len(recording), target.write_bytes, recording)
    return ParsedUpload(fields, fields.name or DEFAULT_NAME)


def _with_query(
    request: Request, form: type[Form], values: Mapping[str, Any], errors: list[InvalidFieldDetail]
) -> dict[str, Any]:
    """Return the fields of the body and the query string. Add what is wrong to `errors`."""
    beside = _gathered(form, request.query_params.multi_items(), errors)
    twice = "is in both the body and the query string; send it once"
    errors += [InvalidFieldDetail(name, twice) for name in beside if name in values]
    return {**beside, **values}


def _gathered(form: type[Form], sent: Iterable[tuple[str, object]], errors: list[InvalidFieldDetail]) -> dict[str, Any]:
    """Collect the fields of a form or query string, which may repeat, by name. Add what is wrong to `errors`."""
    lists: dict[str, list[object]] = {}
    for name, value in sent:
        lists.setdefault(name, []).append(value)
    values: dict[str, Any] = {}
    for name, found in lists.items():
        if name == FILE:
            errors.append(InvalidFieldDetail(FILE, "send it in the body, not in the query string"))
        elif name not in form.model_fields:
            errors.append(unknown_field(name, form))
        elif any(isinstance(value, UploadFile) for value in found):
            errors.append(InvalidFieldDetail(name, "was sent as a file; send it as text"))
        elif form.model_fields[name].annotation == list[str]:
            values[name] = found
        elif len(found) > 1:
            errors.append(InvalidFieldDetail(name, f"was sent {len(found)} times; send it once"))
        else:
            values[name] = found[0]
    return values


async def save_file(data: FormData, target: Path) -> str:
    """Write the recording of a form that has no `file_errors` to `target`. Return its name, or "" if it has none.

    Raises:
        UnsupportedBody: the recording is compressed.
        EmptyAudio: it has no bytes.
    """
    upload = data[FILE]
    assert isinstance(upload, UploadFile), "checked by file_errors"
    refuse_encoded(upload.headers, ("content-encoding", "content-transfer-encoding"))
    _not_empty(upload.size or 0)
    await file_work(upload.size or 0, _copy, upload.file, target)
    return PurePosixPath(upload.filename or "").name


def file_errors(data: FormData) -> list[InvalidFieldDetail]:
    """Return what is wrong with the recording of a form."""
    files = data.getlist(FILE)
    if not files:
        return [InvalidFieldDetail(FILE, f"missing; send the recording, with curl: -F {FILE}=@recording.wav")]
    if len(files) > 1:
        return [InvalidFieldDetail(FILE, f"was sent {len(files)} times; send one recording per request")]
    if not isinstance(files[0], UploadFile):
        return [
            InvalidFieldDetail(
                FILE, f"was sent as text; send it as a file, with curl: -F {FILE}=@recording.wav (with the @)"
            )
        ]
    return []


def _not_empty(num_bytes: int) -> None:
    if not num_bytes:
        raise EmptyAudio("The file has 0 bytes. Send a recording with at least 0.1 s of sound.")


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, 1024 * 1024)
