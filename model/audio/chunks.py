"""The size of the sound in aiff, caf, w64 and au. As in wav (`riff.py`), it may be wrong.

Interrupted recorders leave 0 or an old size, and programs that write to a pipe make one up.
"""

import struct
from typing import NamedTuple

from model.audio.riff import PLACEHOLDER

_SLACK_BYTES = 4096
"""A difference in size that is ignored: extra bytes may be a tag or padding, and a few missing ones matter little."""

_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


class _Kind(NamedTuple):
    """A container of chunks: where they begin, the struct format of a chunk's header, the sound's name, the alignment.

    `counts_head` is whether the size of a chunk includes its header.
    """

    begin: int
    head: str
    sound: bytes
    align: int
    counts_head: bool = False


class _Sound(NamedTuple):
    """Where the sound begins, and where it ends according to its header; None if the header states no size."""

    kind: _Kind
    begin: int
    end: int | None


_AIFF, _CAF = _Kind(12, ">4sI", b"SSND", 2), _Kind(8, ">4sq", b"data", 1)
_W64 = _Kind(40, "<16sQ", _W64_DATA, 8, counts_head=True)
_AU = _Kind(0, ">4xII", b"", 1)


def missing_bytes(data: bytes) -> int:
    """Return how many bytes of the sound that the header promises are missing; 0 for any other kind of file."""
    sound = _find(data)
    if sound is None or sound.end is None or sound.end <= len(data) + _SLACK_BYTES:
        return 0
    return sound.end - len(data)


def with_true_size(data: bytes) -> bytes:
    """Return the file with a size that covers all of its sound; the same object if it already has such a size."""
    sound = _find(data)
    if sound is None or sound.kind is _AU:  # FFmpeg reads all of an au
        return data
    kind, begin, end = sound
    if end is not None:
        behind = _aligned(end, begin, kind)
        if len(data) - behind <= _SLACK_BYTES or _are_chunks(data, behind, kind):
            return data
    elif kind is not _W64:  # FFmpeg recognises made-up sizes
        return data
    head = begin - struct.calcsize(kind.head)
    name = data[head : head + len(kind.sound)]
    size = len(data) - (head if kind.counts_head else begin)
    return b"".join((data[:head], struct.pack(kind.head, name, size), data[begin:]))


def _kind_of(data: bytes) -> _Kind | None:
    if data.startswith(b"FORM") and data[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF
    return {b"caff": _CAF, b"riff": _W64, b".snd": _AU}.get(data[:4])


def _find(data: bytes) -> _Sound | None:
    kind = _kind_of(data)
    if kind is None or len(data) < 12:
        return None
    if kind is _AU:
        begin, size = struct.unpack_from(kind.head, data)
        return _Sound(kind, begin, begin + size if size < PLACEHOLDER else None)
    position = kind.begin
    while (chunk := _chunk(data, position, kind)) is not None:
        name, begin, size = chunk
        if name == kind.sound:
            return _Sound(kind, begin, begin + size if 0 <= size < PLACEHOLDER else None)
        if size < 0:
            return None
        position = _aligned(begin + size, begin, kind)
    return None


def _chunk(data: bytes, position: int, kind: _Kind) -> tuple[bytes, int, int] | None:
    """Return the name of a chunk, where its content begins, and its size; None at the end of the file."""
    num_bytes = struct.calcsize(kind.head)
    if position + num_bytes > len(data):
        return None
    name, size = struct.unpack_from(kind.head, data, position)
    return name, position + num_bytes, size - (num_bytes if kind.counts_head else 0)


def _aligned(end: int, begin: int, kind: _Kind) -> int:
    return end + (begin - end) % kind.align


def _are_chunks(data: bytes, position: int, kind: _Kind) -> bool:
    """Whether only chunks follow, up to the end of the file."""
    while (chunk := _chunk(data, position, kind)) is not None:
        name, begin, size = chunk
        if size < 0 or not all(32 <= byte < 127 for byte in name[:4]):
            return False
        position = _aligned(begin + size, begin, kind)
    return position <= len(data) + kind.align
