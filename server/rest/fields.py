"""Collects the fields of a form or query string."""

from collections.abc import Iterable
from typing import Any

from starlette.datastructures import UploadFile

from server.api.form import Form
from server.api.validation import FILE, unknown_field
from server.errors import InvalidFieldDetail


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
