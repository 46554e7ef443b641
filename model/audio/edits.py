"""Pauses in the edit list of an mp4.

FFmpeg honours a pause only at the start of the list. For a later one, it plays the start of the track instead. But it
skips an edit whose time lies beyond the track. So later pauses get such a time, and the clock fills the gap with
silence.
"""

import re
import struct
from collections.abc import Iterator

_LIST = re.compile(rb"elst([\0\1])\0\0\0")
_HEAD_BYTES = 16
_FORMS = {b"\0": (">I", "iI", 2**31 - 1), b"\1": (">Q", "qI", 2**62)}
"""Version -> struct format of an edit's duration; of its time in the sound and its rate; a time beyond any sound.

Source: ISO/IEC 14496-12, section 8.6.6.
"""

_PAUSE = -1


def with_pauses(data: bytes) -> bytes:
    """Return the mp4 with pauses that FFmpeg skips; the same object if none follows an edit of sound."""
    places: list[tuple[int, bytes]] = []
    end = 0
    for match in _LIST.finditer(data):
        if match.start() >= end:  # otherwise it is inside a list, and nested lists would be walked again and again
            end = _end_of_list(data, match)
            places += _pauses(data, match, end)
    if not places:
        return data
    changed = bytearray(data)
    for place, time in places:
        changed[place : place + len(time)] = time
    return bytes(changed)


def _end_of_list(data: bytes, match: re.Match[bytes]) -> int:
    """Return where a list ends; 0 if it is something else that looks like one."""
    start = match.start() - 4
    if start < 0 or start + _HEAD_BYTES > len(data):
        return 0
    size, count = struct.unpack_from(">I8xI", data, start)
    is_list = size == _HEAD_BYTES + count * _bytes_of_edit(match) and start + size <= len(data)
    return start + size if is_list else 0


def _pauses(data: bytes, match: re.Match[bytes], end: int) -> Iterator[tuple[int, bytes]]:
    """For each pause after an edit of sound, yield where its time is and the bytes to put there."""
    duration, time, never = _FORMS[match[1]]
    is_after_sound = False
    for place in range(match.start() - 4 + _HEAD_BYTES, end, _bytes_of_edit(match)):
        if struct.unpack_from(duration + time, data, place)[1] != _PAUSE:
            is_after_sound = True
        elif is_after_sound:
            yield place + struct.calcsize(duration), struct.pack(">" + time[0], never)


def _bytes_of_edit(match: re.Match[bytes]) -> int:
    duration, time, _ = _FORMS[match[1]]
    return struct.calcsize(duration + time)
