"""Repairs wav files that FFmpeg reads wrongly: wrong sizes, several data chunks, padded samples, RIFX, RF64.

FFmpeg reads one data chunk, of the size in its header. Programs that write to a pipe put a placeholder there,
interrupted recorders leave 0 or an old size, and some programs write a second data chunk. The samples are in the file
nevertheless.
"""

import re
import struct
from dataclasses import dataclass, field

import numpy as np

PLACEHOLDER = 0x7FFF_0000
"""A data size of at least this (2 GiB less 64 KiB) is the placeholder of a program that wrote to a pipe."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_HEADER = "HHIIHH"
"""Format, channels, rate, bytes per second, bytes per sample of all channels, bits."""

_HEAD = re.compile(rb"(?:RIF[FX]|RF64|BW64).{4}WAVE", re.DOTALL)
_IN_DS64 = 0xFFFF_FFFF
"""A data size that means that the true size is in the chunk ds64 (EBU Tech 3306, ITU-R BS.2088)."""


@dataclass(slots=True)
class Wav:
    """One wav in a file. `stop` is where it ends; `spans` are the places of its sound.

    `missing` is how many bytes of sound its header promises beyond the end of the file; `long_size` is the data size in
    the chunk ds64.
    """

    start: int
    order: str
    form: bytes = b""
    spans: list[tuple[int, int]] = field(default_factory=list)
    stop: int = 0
    sizes_are_true: bool = True
    missing: int = 0
    long_size: int | None = None


def is_wav(data: bytes, start: int = 0) -> bool:
    """Whether a wav begins at `start`: RIFF, RIFX, which is big-endian, or RF64 and BW64, whose sizes have 64 bits."""
    return _HEAD.match(data, start) is not None


def missing_bytes(data: bytes) -> int:
    """Return how many bytes of sound a wav's header promises beyond the end of the file; 0 for any other file."""
    return _read(data, 0).missing if is_wav(data) else 0


def split_wavs(data: bytes) -> list[bytes]:
    """Return the wavs that the file holds one after another, each repaired so that FFmpeg reads all of it.

    A file that needs no repair is returned itself.
    """
    found: list[bytes] = []
    start = 0
    while is_wav(data, start):
        wav = _read(data, start)
        found.append(_repair(data, wav))
        start = wav.stop
    return found


def _read(data: bytes, start: int) -> Wav:
    wav = Wav(start, ">" if data.startswith(b"RIFX", start) else "<")
    position, wav.stop = start + 12, _next_wav(data, start + 12)
    while position + 8 <= wav.stop:
        name, size = data[position : position + 4], _size(data, position, wav.order)
        body = position + 8
        if name == b"data":
            if size == _IN_DS64 and wav.long_size is not None:
                size = wav.long_size
            stop = _end_of_data(data, wav, body, size)
            wav.sizes_are_true &= stop == body + size
            if body + size > len(data) + _tenth_bytes(wav) and size < PLACEHOLDER:
                wav.missing = body + size - len(data)
            wav.spans.append((body, stop))
            size = stop - body
        elif not name.isascii():
            break
        elif name == b"fmt ":
            wav.form = data[body : min(body + size, wav.stop)]
        elif name == b"ds64" and size >= 16 and body + 16 <= wav.stop:
            wav.long_size = int(struct.unpack_from("<Q", data, body + 8)[0])
        position = body + size + size % 2
        if size % 2 and data[position - 1 : position + 3] in (b"fmt ", b"data"):  # the padding was forgotten
            position -= 1
            wav.sizes_are_true = False
    return wav


def _end_of_data(data: bytes, wav: Wav, body: int, size: int) -> int:
    """Return where a data chunk really ends: at its size if chunks follow there, else at the end of the wav."""
    promised = body + size
    if promised >= wav.stop:
        return wav.stop
    if promised + size % 2 >= wav.stop or _are_chunks(data, promised + size % 2, wav):
        return promised
    is_sound = wav.stop - promised > max(_tenth_bytes(wav), 128) and not data.startswith(
        (b"TAG", b"ID3", b"APETAGEX"), promised
    )
    return wav.stop if is_sound else promised


def _tenth_bytes(wav: Wav) -> int:
    """Return the number of bytes in a tenth of a second, the unit of every interval."""
    return int(struct.unpack_from(wav.order + _HEADER, wav.form)[3]) // 10 if len(wav.form) >= 16 else 0


def _are_chunks(data: bytes, position: int, wav: Wav) -> bool:
    """Whether chunks follow, up to the end of the wav or up to a data chunk, whose size may be unknown."""
    while position + 8 <= wav.stop:
        name = data[position : position + 4]
        if not all(32 <= byte < 127 for byte in name):
            return False
        if name == b"data":
            return True
        size = _size(data, position, wav.order)
        position += 8 + size + size % 2
    return position <= wav.stop + 1


def _next_wav(data: bytes, start: int) -> int:
    """Return where the next wav begins, or where the file ends."""
    place = data.find(b"WAVE", start)
    while place != -1:
        if is_wav(data, place - 8):
            return place - 8
        place = data.find(b"WAVE", place + 1)
    return len(data)


def _size(data: bytes, position: int, order: str) -> int:
    return int(struct.unpack_from(order + "I", data, position + 4)[0])


def _repair(data: bytes, wav: Wav) -> bytes:
    """Return the wav in little-endian, with one data chunk, true sizes, and samples as wide as the bytes they take."""
    form, width = _plain_form(wav)
    is_fine = wav.order == "<" and len(wav.spans) == 1 and (wav.sizes_are_true or wav.missing) and form == wav.form
    if is_fine or not wav.spans or len(wav.form) < 16:
        return data if (wav.start, wav.stop) == (0, len(data)) else data[wav.start : wav.stop]
    view = memoryview(data)
    sound: bytes = b"".join(view[start:stop] for start, stop in wav.spans)
    if wav.order == ">" and width > 1:
        whole = len(sound) - len(sound) % width
        sound = np.frombuffer(sound, np.uint8, whole).reshape(-1, width)[:, ::-1].tobytes()
    size = min(len(sound), 0xFFFF_FFFF)
    head = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + struct.pack("<4sI", b"data", size)
    return struct.pack("<4sI", b"RIFF", min(len(head) + size, 0xFFFF_FFFF)) + head + sound


def _plain_form(wav: Wav) -> tuple[bytes, int]:
    """Return the format, little-endian, and the bytes of one sample (1 if its bytes have no order).

    If PCM samples take more bytes than their bits need, such as 24 bits in 32, they become PCM of all these bits. The
    unused bits are the lowest (Microsoft, "Multiple channel audio data and WAVE files"), so the values stay true. A
    plain header that gives more bytes than its 8 or 16 bits need is wrong about the bytes, as FFmpeg also assumes.
    """
    if len(wav.form) < 16:
        return wav.form, 1
    kind, channels, rate, rate_bytes, align, bits = struct.unpack_from(wav.order + _HEADER, wav.form)
    valid = bits
    if kind == _EXTENSIBLE and len(wav.form) >= 40:
        _, valid, _, kind = struct.unpack_from(wav.order + "HHIH", wav.form, 16)
    if kind not in (_PCM, _FLOAT) or not channels or align % channels or not 1 <= align // channels <= 8:
        return wav.form if wav.order == "<" else _pack(kind, channels, rate, rate_bytes, align, bits), 1
    width = align // channels
    needed = (valid + 7) // 8
    is_padded = kind == _PCM and needed < width <= 4 and (8 * width == bits or needed in (0, 3))
    if wav.order == "<" and not is_padded:
        return wav.form, width
    return _pack(kind, channels, rate, rate * align, align, 8 * width), width


def _pack(*fields: int) -> bytes:
    return struct.pack("<" + _HEADER, *fields)
