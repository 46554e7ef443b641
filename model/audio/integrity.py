"""Detect files that are cut short. FFmpeg decodes what it can and does not report them."""

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

_SIGNATURES = (
    *((0, mark) for mark in (b"RIFF", b"RF64", b"riff", b"FORM", b"caff", b".snd", b"fLaC", b"OggS", b"ID3", b"#!AMR")),
    *((0, mark) for mark in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9", b"\x1a\x45\xdf\xa3")),
    *((4, mark) for mark in (b"ftyp", b"moov", b"mdat", b"wide")),
)
"""Offsets and signatures of the supported kinds of file."""

_EXACT_HEADERS = ("flac", "aiff", "mov,mp4,m4a,3gp,3g2,mj2")
"""Containers whose header gives the number of samples. WAV is not included: programs that write it to a pipe make up a
size, and the file is still readable. Nor is Matroska, where one length covers all tracks."""

_KBITS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_MPEG1 = (44_100, 48_000, 32_000)


def has_known_signature(data: bytes) -> bool:
    """Whether the file begins like one of a supported kind."""
    return any(data.startswith(mark, offset) for offset, mark in _SIGNATURES)


def exact_duration_s(data: bytes, container: InputContainer, track: AudioStream) -> float | None:
    """Return the track's length in seconds if the header gives it exactly; None if it is absent or an estimate."""
    name = container.format.name
    counted = name in _EXACT_HEADERS or (name == "mp3" and _has_mp3_count(data))
    if counted and track.duration and track.time_base:
        return float(track.duration * track.time_base)
    if name == "matroska,webm" and len(container.streams) == 1 and container.duration:
        return float(container.duration / av.time_base)
    return None


def _has_mp3_count(data: bytes) -> bool:
    """Whether the first frame is LAME's, which counts the others; otherwise the length is an estimate from the size."""
    start = 0
    if data.startswith(b"ID3") and len(data) >= 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    first_frame = data[start : start + 200]
    return b"Xing" in first_frame or b"Info" in first_frame


def ends_inside_frame(packet: bytes) -> bool:
    """Whether an MP3 file's last packet is shorter than its header says, so that the file is cut short.

    Source: ISO/IEC 11172-3, section 2.4.2.3, and 13818-3: 144 (72 in MPEG-2) bytes per kbit/s and kHz, plus padding.
    """
    if len(packet) < 4 or packet[0] != 0xFF or packet[1] & 0xE6 != 0xE2:  # sync, and layer III
        return False
    version, kbits_index, rate_index = packet[1] >> 3 & 3, packet[2] >> 4, packet[2] >> 2 & 3
    if version == 1 or kbits_index in (0, 15) or rate_index == 3:
        return False
    is_mpeg1 = version == 3
    kbits = (_KBITS_MPEG1 if is_mpeg1 else _KBITS_MPEG2)[kbits_index]
    rate = _RATES_MPEG1[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    num_bytes = (144 if is_mpeg1 else 72) * kbits * 1000 // rate + (packet[2] >> 1 & 1)
    return len(packet) < num_bytes
