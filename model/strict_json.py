"""Parses JSON into frozen dataclasses and reports every fault at once: unknown and missing keys, wrong types."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")

_TYPES = {"string": "str", "dataclass": "object", "dict": "object", "tuple": "list"}


class Strict:
    """Base of the dataclasses that refuse unknown keys and do not convert types."""

    __slots__ = ()
    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)


class JsonFaults(Exception):
    """The text does not describe an instance. `faults` has one sentence for each problem, such as `name is missing`."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def parse_strictly(kind: type[T], text: str | bytes) -> T:
    """Return an instance of a dataclass, whose nested dataclasses are objects in the JSON text.

    Raises:
        JsonFaults: the text does not describe one. Errors of `__post_init__` other than ValueError pass through.
    """
    try:
        value: T = _adapter(cast(Hashable, kind)).validate_json(text)
    except ValidationError as error:
        raise JsonFaults([_sentence(fault) for fault in error.errors(include_url=False)]) from None
    return value


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(type, kind))


def _sentence(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"] if isinstance(part, str)) or "the file"
    match fault["type"]:
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{name} is missing"
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"{name} is not known"
        case "literal_error":
            return f"{name} must be one of {fault['ctx']['expected']}, not {fault['input']!r}"
        case "greater_than":
            return f"{name} must be above {fault['ctx']['gt']:g}, not {fault['input']!r}"
        case "greater_than_equal":
            return f"{name} must be at least {fault['ctx']['ge']:g}, not {fault['input']!r}"
        case "less_than":
            return f"{name} must be below {fault['ctx']['lt']:g}, not {fault['input']!r}"
        case "json_invalid":
            return f"{name} is not valid JSON: {fault['ctx']['error']}"
        case kind if kind.endswith("_type"):
            stem = kind.removesuffix("_type")
            return f"{name} must be of type {_TYPES.get(stem, stem)}, not {fault['input']!r}"
        case _:
            return f"{name}: {fault['msg']}"
