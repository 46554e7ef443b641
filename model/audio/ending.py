"""Detect a file that stops in the middle of its data, in containers that FFmpeg reads to the end without an error.

The proof is a unit of the container, or the list of all units, that needs bytes beyond the end of the file. A missing
end mark proves nothing: some recorders leave it out of Ogg.
"""

import struct

_MOST_UNITS = 100_000
"""The most units to walk after the last packet; usually one or two follow."""

_UNITS = {"ogg": (b"OggS", 27), "wv": (b"wvpk", 8), "flv": (b"", 11)}
"""How a page, block or tag begins, and the size of its header in bytes."""

_FLV_TAGS = (8, 9, 18)
_FLV_BACK = 4
"""The bytes after a tag, which repeat its size. Some programs leave out the last ones."""

_UNKNOWN = 0x7FFF_0000
"""A program that wrote to a pipe makes up a size of at least this; a size of almost 0 was never filled in."""

_MOST_CHUNKS = 1_000_000
"""The most chunks to walk in an AVI: three hours with a picture have about half of them."""

_AVI_SLACK = 16
"""Bytes that the list of an AVI may lack: if its size wrongly includes its own header, nothing is missing."""

_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_FLAGS = 88
_ASF_EMPTY = 50
"""Size of the data object's header in bytes. The object states only this size until the recording ends."""

_TS_SYNC, _TS_BYTES, _TS_STEPS = b"\x47", 188, (188, 192, 204)

_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)


def stops_early(data: bytes, container: str, last_packet: bytes, last_start: int) -> bool:
    """Whether a file that has been read to its end stops before a unit of its container is complete.

    Args:
        data: the whole file.
        container: FFmpeg's name of its format.
        last_packet: the last packet.
        last_start: where that packet starts in the file; 0 if unknown.
    """
    match container:
        case "ogg" | "wv":
            return _walk(data, container, last_start) > len(data)
        case "flv":
            return _walk(data, container, last_start) - _FLV_BACK > len(data)
        case "mpegts":
            return _stops_inside_ts(data, last_start)
        case "ac3" | "eac3":
            return len(last_packet) < _bytes_of_ac3(last_packet)
        case "avi":
            return _end_of_avi(data) > len(data)
        case "asf":
            return _end_of_asf(data) > len(data)
    return False


def _walk(data: bytes, container: str, position: int) -> int:
    """Walk the units that begin at `position`; return where the last one ends, which may be beyond the file's end."""
    for _ in range(_MOST_UNITS):
        num_bytes = _bytes_of_unit(data, container, position)
        if not num_bytes:
            break
        position += num_bytes
    return position


def _bytes_of_unit(data: bytes, container: str, start: int) -> int:
    """Return the size in bytes of the Ogg page, FLV tag or WavPack block that starts here; 0 if there is none.

    Source: RFC 3533, section 6; Adobe's FLV specification 10.1, annex E; WavPack 4 & 5 file format, section 2.
    """
    mark, num_bytes = _UNITS[container]
    head = data[start : start + num_bytes]
    if not head or not (head.startswith(mark) or mark.startswith(head)):
        return 0
    if container == "flv" and head[0] not in _FLV_TAGS:
        return 0
    if len(head) < num_bytes:
        return num_bytes + _FLV_BACK  # beyond the end
    match container:
        case "ogg":
            return num_bytes + head[26] + sum(data[start + num_bytes : start + num_bytes + head[26]])
        case "wv":
            return num_bytes + int.from_bytes(head[4:], "little")
    if any(head[8:]):
        return 0
    return num_bytes + int.from_bytes(head[1:4], "big") + _FLV_BACK


def _stops_inside_ts(data: bytes, start: int) -> bool:
    """Whether the last packet of a transport stream is incomplete (ISO/IEC 13818-1, section 2.4.3.2).

    Packets start every 188 bytes; in discs and broadcasts, 4 or 16 more come between them.
    """
    for step in _TS_STEPS:
        sync = start + step - _TS_BYTES  # FFmpeg's position of a packet is off by the bytes between them
        if start >= 4 * step and data[sync - 4 * step : sync + 1 : step] == 5 * _TS_SYNC:
            num_left = (len(data) - sync) % step
            return num_left < _TS_BYTES and data.startswith(_TS_SYNC, len(data) - num_left)
    return False


def _bytes_of_ac3(packet: bytes) -> int:
    """Return the size of an AC-3 or E-AC-3 frame from its header; 0 without one (ETSI TS 102 366, 4.4.1, E.1.3.1)."""
    if len(packet) < 6 or not packet.startswith(b"\x0b\x77"):
        return 0
    if packet[5] >> 3 > 10:  # E-AC-3
        return 2 * (int.from_bytes(packet[2:4], "big") % 2048 + 1)
    rate, size = packet[4] >> 6, packet[4] & 0x3F
    if rate == 3 or size // 2 >= len(_AC3_KBITS):
        return 0
    kbits = _AC3_KBITS[size // 2]
    return (4 * kbits, 2 * (kbits * 320 // 147 + size % 2), 6 * kbits)[rate]


def _end_of_avi(data: bytes) -> int:
    """Return where the last list of pictures and sound in an AVI ends or, if it states no size, its last chunk.

    Source: Microsoft, "AVI RIFF File Reference".
    """
    position = end = 0
    for _ in range(_MOST_CHUNKS):
        if position + 12 > len(data):
            break
        name, size, kind = struct.unpack_from("<4sI4s", data, position)
        is_movie = name == b"LIST" and kind == b"movi"
        is_open = is_movie and not 4 < size < _UNKNOWN
        if name == b"RIFF" or is_open or (name == b"LIST" and kind == b"rec "):
            position += 12
            continue
        position += 8 + size
        if is_movie or name[:2].isdigit():
            end = position - (_AVI_SLACK if is_movie else 0)
        position += size % 2
    return end


def _end_of_asf(data: bytes) -> int:
    """Return where the data object of an ASF ends; 0 if it states no size, as in a broadcast.

    Source: Advanced Systems Format specification, sections 3.2 and 5.
    """
    if len(data) < 30:
        return 0
    (start,) = struct.unpack_from("<Q", data, 16)
    file = data.find(_ASF_FILE, 0, start)
    is_broadcast = file != -1 and file + _ASF_FLAGS < len(data) and data[file + _ASF_FLAGS] & 1
    if is_broadcast or not data.startswith(_ASF_DATA, start) or start + 24 > len(data):
        return 0
    (size,) = struct.unpack_from("<Q", data, start + 16)
    return int(start + size) if _ASF_EMPTY < size < _UNKNOWN else 0
