"""Read a stage from a TOML file, strictly, into frozen dataclasses."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from model.strict_json import JsonFaults, parse_strictly

T = TypeVar("T")


class ConfigError(Exception):
    """A file does not describe a valid stage. `problems` lists every problem, not only the first."""

    def __init__(self, where: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"{where}: " + "; ".join(problems))


def load_config(cls: type[T], path: Path, overrides: Sequence[str] = ()) -> T:
    """Load a config from a TOML file. Each override is one more line of TOML, such as `lora.rank = 16`.

    An override of a table changes the keys that it names; an empty one, such as `rates = {}`, removes all keys.

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
    try:
        return parse_strictly(cls, json.dumps(table, default=str))
    except JsonFaults as error:
        raise ConfigError(str(path), error.faults) from None


def _merge(table: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if value and isinstance(value, dict) and isinstance(table.get(key), dict):
            _merge(table[key], value)
        else:
            table[key] = value
