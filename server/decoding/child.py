"""The code that runs inside a decoding process. It loads NumPy, PyAV and soxr, but neither torch nor the server.

The front end imports this module only for its names, so the imports of the libraries are inside functions.
"""

import resource
from dataclasses import dataclass
from pathlib import Path

from model.errors import TimeAudioError
from server.runtime.parent_death import die_with_parent


@dataclass(frozen=True, slots=True)
class DecodeRange:
    """The part of a file to decode, and its maximum length. Seconds on the file's clock; without `end_s`, to its end.

    `track` is the number of the audio track, from 0; if None, the one that a player plays.
    """

    start_s: float
    end_s: float | None
    max_seconds: float
    track: int | None = None


@dataclass(frozen=True, slots=True)
class DecodedFile:
    """How many samples were written, and what was left out or filled in, in sentences."""

    num_samples: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteError:
    """A TimeAudioError as plain data: exceptions whose constructors take keywords do not survive pickling."""

    name: str
    message: str
    fields: dict[str, object]


def initialize(parent: int, memory_bytes: int) -> None:
    """Tie this process to its parent, load the libraries, and limit further allocation to `memory_bytes`."""
    die_with_parent(parent)
    import model.audio.decode  # noqa: F401

    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    limit = pages * resource.getpagesize() + memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def warm() -> None:
    """Do nothing. A completed call shows that the process is up and its libraries are loaded."""


def decode_file(source: Path, target: Path, span: DecodeRange) -> DecodedFile | RemoteError:
    """Decode the audio file at `source` to raw float32 mono samples at 16 kHz at `target`.

    Returns:
        What was written, or the error that stopped decoding.
    """
    from model.audio.decode import decode_pieces

    num_samples = 0
    warnings: list[str] = []
    try:
        with target.open("wb") as file:
            for piece in decode_pieces(
                source.read_bytes(),
                max_seconds=span.max_seconds,
                start_s=span.start_s,
                end_s=span.end_s,
                track=span.track,
                warnings=warnings,
            ):
                file.write(piece.astype("<f4", copy=False).data)
                num_samples += len(piece)
    except TimeAudioError as error:
        return RemoteError(type(error).__name__, str(error), dict(vars(error)))
    return DecodedFile(num_samples, tuple(warnings))
