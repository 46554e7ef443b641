"""Read a stage from a TOML file, strictly, into frozen dataclasses."""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class ConfigError(Exception):
    """A file does not describe a valid stage. `problems` lists every problem, not only the first."""

    def __init__(self, where: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"{where}: " + "; ".join(problems))


def load_config(cls: type[T], path: Path, overrides: Sequence[str] = ()) -> T:
    """Load a config from a TOML file. Each override is one more line of TOML, such as `lora.rank = 16`.

    Raises:
        ConfigError: keys are unknown or missing, or values have the wrong type. The error lists all of them.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [f"not TOML: {error}"]) from None
    for override in overrides:
        try:
            _merge(table, tomllib.loads(override))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"--set {override}", [f'not TOML: {error}; quote text, as in name = "value"']) from None
    problems: list[str] = []
    value = _build(cls, table, "", problems)
    if problems:
        raise ConfigError(str(path), problems)
    return typing.cast(T, value)


def _merge(table: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _merge(table[key], value)
        else:
            table[key] = value


def _build(kind: Any, value: Any, at: str, problems: list[str]) -> Any:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            problems.append(f"{at or 'file'} must be a table")
            return None
        hints = typing.get_type_hints(kind)
        known = {f.name: f for f in dataclasses.fields(kind)}
        problems += [f"{at}{key} is not known" for key in value if key not in known]
        missing = [n for n, f in known.items() if n not in value and not _has_default(f)]
        problems += [f"{at}{name} is missing" for name in missing]
        before = len(problems)
        given = {n: _build(hints[n], v, f"{at}{n}.", problems) for n, v in value.items() if n in known}
        return None if missing or len(problems) > before else kind(**given)
    if origin is tuple:
        if not isinstance(value, list):
            problems.append(f"{at[:-1]} must be a list")
            return None
        items = typing.get_args(kind)
        inner = [items[0]] * len(value) if items[-1] is Ellipsis else list(items)
        if len(inner) != len(value):
            problems.append(f"{at[:-1]} must have {len(inner)} items")
            return None
        return tuple(_build(k, v, at, problems) for k, v in zip(inner, value, strict=True))
    if origin is types.UnionType:  # an optional value; TOML has no None
        return _build(typing.get_args(kind)[0], value, at, problems)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = origin or kind
    if plain is not Any and (not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool)):
        problems.append(f"{at[:-1]} must be {plain.__name__}, not {value!r}")
    return value


def _has_default(of: "dataclasses.Field[Any]") -> bool:
    return dataclasses.MISSING is not of.default or dataclasses.MISSING is not of.default_factory
