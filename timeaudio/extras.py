"""How to install the optional parts. The package is not on PyPI: they come from a clone of the repository."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timeaudio.errors import LocalModelError

_ROOT = Path(__file__).parents[1]


def how_to_install(extra: str) -> str:
    """Return the command that adds an extra to this Python. If it runs in a clone, the command can be pasted."""
    if (_ROOT / "pyproject.toml").is_file():
        return shlex.join([sys.executable, "-m", "pip", "install", "-e", f"{_ROOT}[{extra}]"])
    return f"pip install -e '.[{extra}]' in a clone of TimeAudio"


@contextmanager
def extra_needed(extra: str) -> Iterator[None]:
    """Turn a missing library, imported now or later, into an error that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        root = (error.name or "").partition(".")[0]
        if root in {"", "model", "server", "training", "timeaudio"}:
            raise  # one of our own modules is missing: no extra provides it
        raise LocalModelError(f"This command needs {root}. Run: {how_to_install(extra)}") from error
