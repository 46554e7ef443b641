"""A multipart body, read to a file on disk and to checked fields. Every mistake in it is told at once."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from model.errors import EmptyAudio
from server.errors import Cancelled, FieldError, InvalidField, MalformedRequest, NotAForm, UploadTooSlow
from server.offload import file_work
from server.rest.form import DenseCaptionForm, field_errors
from server.settings import Limits

Form = TypeVar("Form", bound=DenseCaptionForm)

_FILE = "file"
_SPARE = 8  # parts beyond what a correct request has: wrong ones are listed by name, not just refused


async def receive(request: Request, form: type[Form], limits: Limits, target: Path) -> Form:
    """Read the body: the file to `target`, the other fields to a checked form.

    Raises:
        NotAForm, MalformedRequest, UploadTooLarge, UploadTooSlow: the body cannot be read.
        InvalidField: fields are missing, unknown or of a wrong type; all of them are listed.
        EmptyAudio: the file has no bytes.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise NotAForm(
            f"Send multipart/form-data with the recording in the field {_FILE}, not {media_type or 'an unnamed type'}. "
            f"With curl: -F {_FILE}=@recording.wav"
        )
    with _told_in_our_words(limits):
        async with (
            asyncio.timeout(limits.upload_timeout_s),
            request.form(
                max_files=_SPARE,
                max_fields=len(form.model_fields) + limits.queries + _SPARE,
            ) as data,
        ):
            fields = _fields(data, form)
            await _save(data[_FILE], target)
            return fields


@contextmanager
def _told_in_our_words(limits: Limits) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise UploadTooSlow(
            f"The body must arrive within {limits.upload_timeout_s:g} s (limit: TIMEAUDIO_LIMITS__UPLOAD_TIMEOUT_S). "
            "Send a smaller file: flac and ogg hold the same sound in fewer bytes."
        ) from None
    except ClientDisconnect:
        raise Cancelled("The caller went away while it sent.") from None
    except HTTPException as error:  # what Starlette makes of a form that it cannot parse
        raise MalformedRequest(f"The multipart body cannot be read: {error.detail}") from error


def _fields(data: FormData, form: type[Form]) -> Form:
    """The checked fields; all that is wrong with them, and with the file's own field, at once."""
    errors = _file_errors(data, form)
    values: dict[str, Any] = {}
    for name in data:
        if name == _FILE or name not in form.model_fields:
            continue
        sent = data.getlist(name)
        if any(isinstance(value, UploadFile) for value in sent):
            errors.append(FieldError(name, "was sent as a file; send it as text"))
        elif form.model_fields[name].annotation == list[str]:
            values[name] = sent
        elif len(sent) > 1:
            errors.append(FieldError(name, f"was sent {len(sent)} times; send it once"))
        else:
            values[name] = sent[0]
    told = {error.field for error in errors}
    try:
        fields = form.model_validate(values)
    except ValidationError as error:
        errors += [found for found in field_errors(error) if found.field not in told]
        raise InvalidField(errors) from None
    if errors:
        raise InvalidField(errors)
    return fields


def _file_errors(data: FormData, form: type[Form]) -> list[FieldError]:
    allowed = ", ".join((_FILE, *form.model_fields))
    errors = [
        FieldError(name[:50], f"unknown; the fields are {allowed}")
        for name in data
        if name != _FILE and name not in form.model_fields
    ]
    files = data.getlist(_FILE)
    if not files:
        errors.insert(0, FieldError(_FILE, f"missing; send the recording, with curl: -F {_FILE}=@recording.wav"))
    elif len(files) > 1:
        errors.insert(0, FieldError(_FILE, f"was sent {len(files)} times; send one recording per request"))
    elif not isinstance(files[0], UploadFile):
        detail = f"was sent as text; send it as a file, with curl: -F {_FILE}=@recording.wav (mind the @)"
        errors.insert(0, FieldError(_FILE, detail))
    return errors


async def _save(upload: UploadFile | str, target: Path) -> None:
    assert isinstance(upload, UploadFile), "checked by _file_errors"
    if not upload.size:
        raise EmptyAudio("The file has 0 bytes. Send a recording with at least 0.1 s of sound.")
    await file_work(upload.size, _copy, upload.file, target)


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, 1024 * 1024)
