"""The file of API keys: TOML, one table per caller, with SHA-256 digests instead of the keys.

    [archive]                      # the caller's name: appears in logs and metrics, not secret
    sha256 = ["9f86d0...", "..."]  # one key, or several during a rotation
    requests_per_minute = 600      # optional; a minute's worth may come in one burst
    concurrent = 8                 # optional; requests in progress at once

`python -m server.auth archive` creates a key and prints its table. A key has 256 random bits, so one round of
SHA-256 is enough, and a stolen file grants no access.
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

_LOOK_S = 1.0  # shortest time between two checks of the file
NAME = r"^[A-Za-z0-9_.-]{1,64}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Caller(BaseModel):
    """One table of the file: a caller's keys and limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: tuple[Digest, ...] = Field(min_length=1)
    requests_per_minute: float | None = Field(None, gt=0)
    concurrent: int | None = Field(None, gt=0)


_FILE: TypeAdapter[dict[str, Caller]] = TypeAdapter(dict[Name, Caller])


def digest(key: str) -> str:
    """Return the digest of a key, as the file stores it."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_callers(path: Path) -> Mapping[str, Caller]:
    """Read the callers by name.

    Raises:
        ValueError: the file cannot be read, is not TOML, has invalid entries or none; the message says which.
    """
    try:
        callers = _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ValueError(f"{path} is not a valid file of API keys. {places}") from None  # without the file's content
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a file of API keys: {error}") from None
    if not callers:
        raise ValueError(f"{path} defines no callers. Create a key: python -m server.auth NAME >> {path}")
    return callers


class KeyFile:
    """The callers in the file, reloaded when it changes. If it becomes unreadable, they stay and an error is logged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._looked_at = time.monotonic()
        self._callers = read_callers(path)

    def find(self, key: str) -> tuple[str, Caller] | None:
        """Return the owner of a key. Always compares with every key, each in constant time."""
        self._look()
        given = digest(key)
        found = None
        for name, caller in self._callers.items():
            for known in caller.sha256:
                if compare_digest(given, known):
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
            _log.error("Cannot reload the API keys; the previous ones stay valid. %s", error)
        else:
            _log.info("Reloaded the API keys of %d callers.", len(self._callers))

    def _stamp(self) -> tuple[int, int, int] | None:
        """Return a value that changes with the file, also when a symbolic link is repointed, as Kubernetes does."""
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
