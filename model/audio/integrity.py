"""Detect files that are cut short. FFmpeg decodes what it can and does not report them.

A length in a header proves nothing: a copied part keeps the length of the whole, and a recorder may write the length
that it planned. The proof is a chunk, a table or a frame that needs bytes beyond the end of the file.
"""

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from model.audio import chunks, riff

_EXACT_HEADERS = ("flac", "aiff", "mov,mp4,m4a,3gp,3g2,mj2")
"""Containers whose header gives the number of samples."""

_KBITS = {
    (True, 1): tuple(range(0, 449, 32)),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""(Whether MPEG-1, layer) -> kbit/s by index."""

_RATES_MPEG1 = (44_100, 48_000, 32_000)

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_MOST_ELEMENTS = 100_000


def exact_duration_s(data: bytes, container: InputContainer, track: AudioStream) -> float | None:
    """Return the track's length in seconds as the header gives it; None if it is absent or an estimate.

    When that much has been decoded, what follows is not sound.
    """
    name = container.format.name
    counted = name in _EXACT_HEADERS or (name == "mp3" and _has_mp3_count(data))
    if counted and track.duration and track.time_base:
        return float(track.duration * track.time_base)
    if name == "matroska,webm" and len(container.streams) == 1 and container.duration:
        return float(container.duration / av.time_base)
    return None


def is_cut_short(data: bytes, container: InputContainer, track: AudioStream, last_packet: bytes, last_end: int) -> bool:
    """Whether a file whose packets have all been read needs bytes beyond its end, or is unreadable before its end.

    Args:
        data: the whole file.
        container: the file, read to its end.
        track: the track that was read.
        last_packet: the track's last packet.
        last_end: where that packet ends in the file; 0 if unknown.
    """
    match container.format.name:
        case "mp3":
            return _ends_inside_frame(last_packet)
        case "wav":
            return riff.missing_bytes(data) > 0
        case "aiff" | "caf" | "w64" | "au":
            return chunks.missing_bytes(data) > 0
        case "mov,mp4,m4a,3gp,3g2,mj2":
            return any(entry.pos + entry.size > len(data) for entry in track.index_entries)
        case "matroska,webm":
            needs_more, clusters_end = _walk_matroska(data)
            is_alone = len(container.streams) == 1 and container.duration is not None
            # At damage that it cannot skip, FFmpeg stops without an error.
            return needs_more or (is_alone and 0 < last_end < clusters_end - 3 * len(last_packet) - 64)
    return False


def _has_mp3_count(data: bytes) -> bool:
    """Whether the first frame is LAME's, which counts the others; otherwise the length is an estimate from the size."""
    start = 0
    if data.startswith(b"ID3") and len(data) >= 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    first_frame = data[start : start + 200]
    return b"Xing" in first_frame or b"Info" in first_frame


def _ends_inside_frame(packet: bytes) -> bool:
    """Whether an MPEG audio file's last packet is shorter than its header says, so that the file is cut short.

    Source: ISO/IEC 11172-3, section 2.4.2.3, and 13818-3: 144 (72 in MPEG-2's layer III) bytes per kbit/s and kHz, plus
    padding; 48, in units of 4 bytes, in layer I.
    """
    if len(packet) < 4 or packet[0] != 0xFF or packet[1] & 0xE0 != 0xE0:
        return False
    version, layer, kbits_index, rate_index = (
        packet[1] >> 3 & 3,
        4 - (packet[1] >> 1 & 3),
        packet[2] >> 4,
        packet[2] >> 2 & 3,
    )
    if version == 1 or layer == 4 or kbits_index in (0, 15) or rate_index == 3:
        return False
    is_mpeg1, padding = version == 3, packet[2] >> 1 & 1
    bits = _KBITS[is_mpeg1, layer][kbits_index] * 1000
    rate = _RATES_MPEG1[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    if layer == 1:
        return len(packet) < (12 * bits // rate + padding) * 4
    return len(packet) < (72 if layer == 3 and not is_mpeg1 else 144) * bits // rate + padding


def _walk_matroska(data: bytes) -> tuple[bool, int]:
    """Return whether an element ends beyond the file, and where the last cluster ends (0 if its size is not given).

    Source: RFC 8794, sections 4 to 6; RFC 9559, section 5.1.
    """
    position, clusters_end = 0, 0
    for _ in range(_MOST_ELEMENTS):
        name, place = _read_number(data, position, keep_marker=True)
        size, body = _read_number(data, place, keep_marker=False)
        if name is None:
            break
        if name == _SEGMENT:
            if size is not None and body + size > len(data):
                return True, clusters_end
            position = body
            continue
        if size is None:  # unknown: a live recording
            break
        if body + size > len(data):
            return True, clusters_end
        position = body + size
        if name == _CLUSTER:
            clusters_end = position
    return False, clusters_end


def _read_number(data: bytes, start: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """Return a number of variable length and its end. The number is None if it is absent, or unknown (all bits set)."""
    if start >= len(data) or not data[start]:
        return None, start + 1
    num_bytes = 9 - data[start].bit_length()
    number = int.from_bytes(data[start : start + num_bytes], "big")
    if keep_marker:
        return number, start + num_bytes
    number &= (1 << 7 * num_bytes) - 1
    return (None if number == (1 << 7 * num_bytes) - 1 else number), start + num_bytes
