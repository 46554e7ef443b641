"""Explain unsupported message parts of a chat request, in place of the validator's messages. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from server.api.validation import field_errors
from server.errors import InvalidFieldDetail

_ACCEPTED: Final = (
    'send the recording as {"type": "input_audio", "input_audio": {"data": "BASE64"}} '
    'and words as {"type": "text", "text": "..."}'
)


def chat_errors(error: ValidationError, body: Mapping[str, Any]) -> list[InvalidFieldDetail]:
    """Return the errors of a request. An unsupported message part has only one."""
    found: dict[str, InvalidFieldDetail] = {}
    for item, plain in zip(error.errors(include_url=False), field_errors(error), strict=True):
        match item["loc"]:
            case ("messages", int() as turn, "content", *inside):
                content = body["messages"][turn]["content"]
                numbers = [place for place in inside if isinstance(place, int)]
                if isinstance(content, list) and not numbers:
                    continue  # from the union's other branch, text
                field = "/".join(map(str, ("messages", turn, "content", *numbers[:1])))
                found.setdefault(field, InvalidFieldDetail(field, _detail(content, numbers)))
            case _:
                found.setdefault(plain.field, plain)
    return list(found.values())


def _detail(content: object, numbers: list[int]) -> str:
    if not isinstance(content, list):
        return f"must be text or a list of parts; {_ACCEPTED}"
    part = content[numbers[0]]
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in ("input_audio", "text"):
        return f"is not a complete part of type {kind}; {_ACCEPTED}"
    named = f"of type {kind[:40]!r}" if isinstance(kind, str) else "without a type"
    return f"parts {named} are not supported; {_ACCEPTED}"
