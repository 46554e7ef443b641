"""Read the form of `/v1/audio/transcriptions`: leniently, since whisper clients send fields of many servers."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from server.api.transcription_schema import GRANULARITIES, TranscriptionForm
from server.api.validation import FILE, field_errors
from server.errors import InvalidField, InvalidFieldDetail, UnsupportedBody
from server.rest.content_encoding import refuse_encoded
from server.rest.form_parts import read_form
from server.rest.upload import file_errors, save_file, while_arriving
from server.settings import Limits

_MAX_FILES = 8
_MAX_FIELDS = 100
_STREAMED = (None, "json", "text")
_NAMES = {field.alias or name: name for name, field in TranscriptionForm.model_fields.items()}


async def read_transcription_form(request: Request, limits: Limits, target: Path) -> TranscriptionForm:
    """Read the body: write the recording to `target` and return the fields. Unknown and empty fields are ignored.

    Raises:
        UnsupportedBody, MalformedRequest, UploadTooLarge, UploadTooSlow: the body cannot be read.
        InvalidField: fields are missing or invalid; the error lists all of them.
        EmptyAudio: the recording has no bytes.
        Cancelled: the client disconnected.
    """
    refuse_encoded(request.headers)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise UnsupportedBody(
            f"Send the recording as multipart/form-data in the field {FILE} (with curl: -F {FILE}=@recording.wav), "
            f"not as {media_type or 'an undeclared type'}."
        )
    async with while_arriving(limits):
        data = await read_form(request, max_files=_MAX_FILES, max_fields=_MAX_FIELDS)
        try:
            form = _checked(data)
            await save_file(data, target)
        finally:
            await data.close()
    return form


def _checked(data: FormData) -> TranscriptionForm:
    errors = file_errors(data)
    values = _gathered(data, errors)
    try:
        form = TranscriptionForm.model_validate(values)
    except ValidationError as error:
        reported = {found.field for found in errors}
        raise InvalidField([*errors, *(e for e in field_errors(error) if e.field not in reported)]) from None
    if form.stream and form.response_format not in _STREAMED:
        errors.append(
            InvalidFieldDetail(
                "response_format", "must be json or text if stream is true; omit it, or leave out stream"
            )
        )
    if form.timestamp_granularities and form.response_format != "verbose_json":
        errors.append(
            InvalidFieldDetail(
                GRANULARITIES, "needs response_format verbose_json, the only format with segments and words"
            )
        )
    if errors:
        raise InvalidField(errors)
    return form


def _gathered(data: FormData, errors: list[InvalidFieldDetail]) -> dict[str, Any]:
    """Return the known fields by their name in the form. Add what is wrong to `errors`."""
    values: dict[str, Any] = {}
    for sent, value in data.multi_items():
        name = GRANULARITIES if sent.partition("[")[0] == GRANULARITIES[:-2] else sent  # also without [], or as [0]
        if name not in _NAMES or value == "":
            continue
        if isinstance(value, UploadFile):
            errors.append(InvalidFieldDetail(name, "was sent as a file; send it as text"))
        elif name == GRANULARITIES:
            values.setdefault(name, []).append(value)
        elif name in values:
            errors.append(InvalidFieldDetail(name, "was sent twice; send it once"))
        else:
            values[name] = value
    return values
