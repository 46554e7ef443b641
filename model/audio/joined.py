"""Splits a file that holds several recordings, and removes the tags between them."""

import re
import struct

from model.audio.chunks import with_true_size
from model.audio.edits import with_pauses
from model.audio.riff import is_wav, split_wavs

MAX_RECORDINGS = 1000
"""The most recordings to open one after another in one file; a day of radio in one Ogg has a few hundred."""

_FIRST_PAGE = re.compile(rb"OggS\0[\2\6]")
"""The first page of a stream in Ogg (RFC 3533, section 6)."""

_FIRST_CHANNELS = b"[" + b"".join(b"\\x%x8-\\x%xf" % (high, high) for high in range(16)) + b"]"
"""Matches the byte with bit 11 of a WavPack block's flags if that bit is set. It marks a first block; blocks of further
channels have the same index."""

_HEADS = tuple(
    re.compile(head, re.DOTALL)
    for head in (
        rb"fLaC\x00\x00\x00\x22",  # the marker and the head of STREAMINFO (RFC 9639, section 8)
        rb"FORM.{4}AIF[FC]",
        rb"caff\x00\x01\x00\x00desc",
        rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00",  # w64
        rb"\.snd\x00\x00[\x00-\x03].{5}\x00\x00\x00[\x01-\x1b]",
        rb"TTA1[\x01\x03]\x00",
        rb"wvpk.{4}[\x02-\x10]\x04\x00.{5}\x00{4}(?!\x00{4}).{5}" + _FIRST_CHANNELS,
        rb"#!AMR(?:-WB)?\n",
        rb"FLV\x01[\x01\x04\x05]\x00\x00\x00\x09\x00\x00\x00\x00",
        rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",  # asf
    )
)
"""How files of each kind begin, in enough bytes that no sound looks like them."""

_MOST_BOXES = 100_000
"""The most boxes of an mp4 to walk; one without fragments has a few."""

_TAG_BYTES = 10
_HAS_FOOTER = 0x10


def split_recordings(data: bytes) -> list[bytes]:
    """Return the recordings that a file joins, in order; only the file if it joins none."""
    if data.startswith(b"ID3"):
        behind = _end_of_tag(data, 0)
        if behind and not _is_mpeg(data, behind):
            data = data[behind:]
    if is_wav(data):
        return split_wavs(data)[:MAX_RECORDINGS] or [data]
    if data.startswith(b"OggS"):
        return _split_ogg(data)
    for head in _HEADS:
        if head.match(data):
            return [with_true_size(part) for part in _split_at(data, [place.start() for place in head.finditer(data)])]
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return [with_pauses(part) for part in _split_at(data, _starts_of_mp4(data))]
    if data.startswith(b"ID3") or _is_mpeg(data, 0):
        return [_without_inner_tags(data)]
    return [data]


def _split_ogg(data: bytes) -> list[bytes]:
    """Split chained Ogg (RFC 3533, section 4) where first pages follow others; FFmpeg keeps the first stream's rate."""
    starts, behind = [0], 0
    for match in _FIRST_PAGE.finditer(data):
        if match.start() > behind:
            starts.append(match.start())
        behind = _end_of_page(data, match.start())
    return _split_at(data, starts)


def _starts_of_mp4(data: bytes) -> list[int]:
    """Return where each mp4 begins (ISO/IEC 14496-12, section 4.2).

    A fragmented mp4 is not split: its clock continues even where a recorder repeats the beginning.
    """
    starts, position = [], 0
    for _ in range(_MOST_BOXES):
        if position + 16 > len(data):
            break
        size, name = struct.unpack_from(">I4s", data, position)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
        if name == b"moof":
            return [0]
        if name == b"ftyp":
            starts.append(position)
        if size < 8:  # 0: to the end of the file
            break
        position += size
    return starts


def _split_at(data: bytes, starts: list[int]) -> list[bytes]:
    if not 1 < len(starts) <= MAX_RECORDINGS:
        return [data]
    return [data[start:stop] for start, stop in zip(starts, [*starts[1:], len(data)], strict=True)]


def _end_of_page(data: bytes, start: int) -> int:
    num_segments = data[start + 26] if start + 26 < len(data) else 0
    return start + 27 + num_segments + sum(data[start + 27 : start + 27 + num_segments])


def _without_inner_tags(data: bytes) -> bytes:
    """Remove ID3v2 tags inside MPEG audio, which joined files have: pictures in a tag can look like sound."""
    kept, position = [], 0
    place = data.find(b"ID3", 1)
    while place != -1:
        behind = _end_of_tag(data, place)
        if behind and _is_mpeg(data, behind):
            kept.append(data[position:place])
            position = behind
        place = data.find(b"ID3", max(behind, place + 1))
    return b"".join((*kept, data[position:])) if kept else data


def _end_of_tag(data: bytes, start: int) -> int:
    """Return where an ID3v2 tag ends; 0 if there is none.

    The stated size has 7 bits per byte and excludes the header and the footer, if there is one (id3.org, ID3v2.4, 3.1).
    """
    head = data[start : start + _TAG_BYTES]
    if len(head) < _TAG_BYTES or head[3] not in (2, 3, 4) or head[5] & 0x0F or max(head[6:]) > 0x7F:
        return 0
    size = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    return start + _TAG_BYTES + size + (_TAG_BYTES if head[5] & _HAS_FOOTER else 0)


def _is_mpeg(data: bytes, place: int) -> bool:
    """Whether a frame of MPEG audio or ADTS begins here: 11 bits set."""
    return data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] >= b"\xe0"
