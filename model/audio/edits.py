"""Pauses in the edit list of an mp4. FFmpeg knows them at its beginning; later, it plays the sound's beginning instead.

FFmpeg leaves an edit of sound that does not exist out. So pauses become such edits, and the clock makes them silence.
"""

import re
import struct
from collections.abc import Iterator

_LIST = re.compile(rb"elst([\0\1])\0\0\0")
_HEAD_BYTES = 16
_FORMS = {b"\0": (">I", "iI", 2**31 - 1), b"\1": (">Q", "qI", 2**62)}
"""Version -> the form of an edit's duration, that of its time in the sound and its rate, and a time that no sound has.

Source: ISO/IEC 14496-12, section 8.6.6.
"""

_PAUSE = -1


def with_pauses(data: bytes) -> bytes:
    """Return the mp4 with pauses that FFmpeg leaves out; the same object if none is behind an edit of sound."""
    places = [place for match in _LIST.finditer(data) for place in _pauses(data, match)]
    if not places:
        return data
    changed = bytearray(data)
    for place, time in places:
        changed[place : place + len(time)] = time
    return bytes(changed)


def _pauses(data: bytes, match: re.Match[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield where the time of each pause behind an edit of sound is, and the bytes to put there."""
    duration, time, never = _FORMS[match[1]]
    num_bytes = struct.calcsize(duration + time)
    start, begin = match.start() - 4, match.start() - 4 + _HEAD_BYTES
    if start < 0 or begin > len(data):
        return
    size, count = struct.unpack_from(">I8xI", data, start)
    if size != _HEAD_BYTES + count * num_bytes or start + size > len(data):  # sound that looks like a list
        return
    is_behind = False
    for place in range(begin, start + size, num_bytes):
        if struct.unpack_from(duration + time, data, place)[1] != _PAUSE:
            is_behind = True
        elif is_behind:
            yield place + struct.calcsize(duration), struct.pack(">" + time[0], never)
