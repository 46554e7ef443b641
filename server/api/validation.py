"""Validates the fields sent with a recording and reports all their errors at once. Pure functions."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, TypeVar

from pydantic import ValidationError

from server.api.form import Form
from server.errors import MOST_DETAILS, InvalidField, InvalidFieldDetail

F = TypeVar("F", bound=Form)

FILE = "file"
"""The field that holds the recording, in bodies that have fields."""


def checked(form: type[F], values: Mapping[str, Any], errors: list[InvalidFieldDetail]) -> F:
    """Return the form with these values.

    Raises:
        InvalidField: a value is invalid, or `errors` is not empty.
    """
    reported = {error.field for error in errors}
    unknown = (unknown_field(name, form) for name in values if name not in form.model_fields)
    errors = [*errors, *islice(unknown, MOST_DETAILS)]
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


def unknown_field(name: str, form: type[Form]) -> InvalidFieldDetail:
    """Return the error of a field that the form does not have."""
    return InvalidFieldDetail(name[:50], f"unknown; the fields are {', '.join((FILE, *form.model_fields))}")


def _detail(kind: str, message: str) -> str:
    if kind == "missing":
        return "missing; it is required"
    return message[0].lower() + message[1:]
