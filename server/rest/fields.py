"""Validate the fields sent with a recording and report all their errors at once. Pure functions."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.datastructures import UploadFile

from server.errors import InvalidField, InvalidFieldDetail
from server.rest.form import Form

F = TypeVar("F", bound=Form)

FILE = "file"
"""The field that holds the recording, in bodies that have fields."""


def gathered(form: type[Form], sent: Iterable[tuple[str, object]], errors: list[InvalidFieldDetail]) -> dict[str, Any]:
    """Collect the fields of a form or query string, which may repeat, by name. Add what is wrong to `errors`."""
    lists: dict[str, list[object]] = {}
    for name, value in sent:
        lists.setdefault(name, []).append(value)
    values: dict[str, Any] = {}
    for name, found in lists.items():
        if name == FILE:
            errors.append(InvalidFieldDetail(FILE, "send it in the body, not in the query string"))
        elif name not in form.model_fields:
            errors.append(_unknown(name, form))
        elif any(isinstance(value, UploadFile) for value in found):
            errors.append(InvalidFieldDetail(name, "was sent as a file; send it as text"))
        elif form.model_fields[name].annotation == list[str]:
            values[name] = found
        elif len(found) > 1:
            errors.append(InvalidFieldDetail(name, f"was sent {len(found)} times; send it once"))
        else:
            values[name] = found[0]
    return values


def checked(form: type[F], values: Mapping[str, Any], errors: list[InvalidFieldDetail]) -> F:
    """Return the form with these values.

    Raises:
        InvalidField: a value is invalid, or `errors` is not empty.
    """
    reported = {error.field for error in errors}
    errors = errors + [_unknown(name, form) for name in values if name not in form.model_fields]
    known = {name: value for name, value in values.items() if name in form.model_fields}
    try:
        fields = form.model_validate(known)
    except ValidationError as error:
        errors += [found for found in field_errors(error) if found.field not in reported]
        raise InvalidField(errors) from None
    if errors:
        raise InvalidField(errors)
    return fields


def mistyped(form: type[Form], values: Mapping[str, Any]) -> list[InvalidFieldDetail]:
    """Return the errors of JSON fields that have the wrong type, such as a number sent as text."""
    known = {name: value for name, value in values.items() if name in form.model_fields}
    try:
        form.model_validate(known, strict=True)
    except ValidationError as error:
        return [found for found in field_errors(error) if found.field.split("/")[0] in known]
    return []


def field_errors(error: ValidationError) -> list[InvalidFieldDetail]:
    """Convert a pydantic error to field errors."""
    return [
        InvalidFieldDetail("/".join(map(str, item["loc"])), _detail(item["type"], item["msg"]))
        for item in error.errors()
    ]


def _unknown(name: str, form: type[Form]) -> InvalidFieldDetail:
    return InvalidFieldDetail(name[:50], f"unknown; the fields are {', '.join((FILE, *form.model_fields))}")


def _detail(kind: str, message: str) -> str:
    if kind == "missing":
        return "missing; send at least one"
    return message[0].lower() + message[1:]
