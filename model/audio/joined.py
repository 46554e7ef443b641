"""Splits a file that holds several recordings, and removes the tags between them."""

import re

from model.audio.riff import is_wav, split_wavs

MAX_RECORDINGS = 1000
"""The most recordings to open one after another in one file; a day of radio in one Ogg has a few hundred."""

_FIRST_PAGE = re.compile(rb"OggS\0[\2\6]")
"""The first page of a stream in Ogg (RFC 3533, section 6)."""

_FLAC_HEAD = b"fLaC\0\0\0\x22"
"""The marker and the head of STREAMINFO (RFC 9639, section 8): every FLAC file begins with it."""

_TAG_BYTES = 10
_HAS_FOOTER = 0x10


def split_recordings(data: bytes) -> list[bytes]:
    """Return the recordings of a file in order: of joined wavs, FLACs and Oggs each one, else the file."""
    if data.startswith(b"ID3"):
        behind = _end_of_tag(data, 0)
        if behind and not _is_mpeg(data, behind):
            data = data[behind:]
    if is_wav(data):
        return split_wavs(data)[:MAX_RECORDINGS] or [data]
    if data.startswith(b"OggS"):
        return _split_ogg(data)
    if data.startswith(_FLAC_HEAD):
        return _split_at(data, [match.start() for match in re.finditer(re.escape(_FLAC_HEAD), data)])
    if data.startswith(b"ID3") or _is_mpeg(data, 0):
        return [_without_inner_tags(data)]
    return [data]


def _split_ogg(data: bytes) -> list[bytes]:
    """Split chained Ogg (RFC 3533, section 4) where first pages follow other pages; FFmpeg keeps the first's rate."""
    starts, behind = [0], 0
    for match in _FIRST_PAGE.finditer(data):
        if match.start() > behind:
            starts.append(match.start())
        behind = _end_of_page(data, match.start())
    return _split_at(data, starts)


def _split_at(data: bytes, starts: list[int]) -> list[bytes]:
    if not 1 < len(starts) <= MAX_RECORDINGS:
        return [data]
    return [data[start:stop] for start, stop in zip(starts, [*starts[1:], len(data)], strict=True)]


def _end_of_page(data: bytes, start: int) -> int:
    num_segments = data[start + 26] if start + 26 < len(data) else 0
    return start + 27 + num_segments + sum(data[start + 27 : start + 27 + num_segments])


def _without_inner_tags(data: bytes) -> bytes:
    """Leave out ID3v2 tags in the middle of MPEG audio, as joined files have: their pictures can look like sound."""
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

    Its size has 7 bits a byte and leaves out the head and the footer, if there is one (id3.org, ID3v2.4, 3.1).
    """
    head = data[start : start + _TAG_BYTES]
    if len(head) < _TAG_BYTES or head[3] not in (2, 3, 4) or head[5] & 0x0F or max(head[6:]) > 0x7F:
        return 0
    size = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    return start + _TAG_BYTES + size + (_TAG_BYTES if head[5] & _HAS_FOOTER else 0)


def _is_mpeg(data: bytes, place: int) -> bool:
    """Whether a frame of MPEG audio or ADTS begins here: 11 bits set."""
    return data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] >= b"\xe0"
