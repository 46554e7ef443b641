"""The file of API keys: TOML, one table per caller, SHA-256 in place of the keys themselves.

    [archive]                      # the caller's name: in logs and metrics, never secret
    sha256 = ["9f86d0...", "..."]  # one key, or several while they are exchanged
    requests_per_minute = 600      # optional; a minute's worth may come at once
    concurrent = 8                 # optional; requests inside the server at once

`python -m server.access archive` makes a key and prints its table. A key has 256 random bits, so that one round of
SHA-256 is all the stretching it needs, and a stolen file opens nothing.
"""

import hashlib
import logging
import os
import time
import tomllib
from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

_log = logging.getLogger(__name__)

_LOOK_S = 1.0  # the file is looked at no more often than this
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Caller(BaseModel):
    """One table of the file: whose keys these are, and what they may ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: tuple[Digest, ...] = Field(min_length=1)
    requests_per_minute: float | None = Field(None, gt=0)
    concurrent: int | None = Field(None, gt=0)


_FILE: TypeAdapter[dict[str, Caller]] = TypeAdapter(dict[Name, Caller])


def digest(key: str) -> str:
    """What the file holds of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_callers(path: Path) -> Mapping[str, Caller]:
    """The callers by name.

    Raises:
        ValueError: the file cannot be read, is no TOML, holds something else, or nobody; the message says what.
    """
    try:
        callers = _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ValueError(f"{path} is no file of API keys. {places}") from None  # never what it holds
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a file of API keys: {error}") from None
    if not callers:
        raise ValueError(f"{path} names no caller. Make a key: python -m server.access NAME >> {path}")
    return callers


class KeyFile:
    """The callers as the file has them now. A file that went bad or away changes nothing, and is told in the log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._looked_at = time.monotonic()
        self._callers = read_callers(path)

    def find(self, key: str) -> tuple[str, Caller] | None:
        """The caller whose key this is. Every key is compared, whichever it is, in constant time each."""
        self._look()
        told = digest(key)
        found = None
        for name, caller in self._callers.items():
            for known in caller.sha256:
                if compare_digest(told, known):
                    found = name, caller
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._callers = read_callers(self._path)
        except ValueError as error:
            _log.error("The API keys stay as they were. %s", error)
        else:
            _log.info("Read the API keys of %d callers again.", len(self._callers))

    def _stamp(self) -> tuple[int, int, int] | None:
        """What changes with the file, also where a symbolic link is turned, as Kubernetes does with secrets."""
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
