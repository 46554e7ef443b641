"""Aiff, caf, w64 and au whose size of the sound is not true: all of it is heard, or it is refused as cut short."""

import struct

import pytest

from model.audio.chunks import with_true_size
from model.audio.decode import decode_audio
from model.errors import CorruptAudio
from tests.sound_files import encode
from tests.timed_files import burst_starts, bursts

RATE = 16_000
HEADS = {
    "aiff": (b"SSND", 4, ">I", 8),
    "caf": (b"data", 4, ">q", 4),
    "w64": (b"data\xf3\xac", 16, "<q", 24),
    "au": (b".snd", 8, ">I", 0),
}
"""The name of the sound, how far behind it its size is, the size's form, and how many bytes it counts before it."""
CODECS = {"aiff": "pcm_s16be", "caf": "pcm_s16le", "w64": "pcm_s16le", "au": "pcm_s16be"}
PCM_BYTES = 4 * 2 * RATE


def sound(container):
    return encode(bursts(1.0, 3.0, seconds=4, rate=RATE), RATE, container, CODECS[container])


def with_size(container, num_bytes):
    """Return the file with a head that promises this many bytes of sound."""
    data = bytearray(sound(container))
    name, behind, form, before = HEADS[container]
    place = data.rindex(name, 0, 5000) + behind
    data[place : place + struct.calcsize(form)] = struct.pack(form, num_bytes + before)
    return bytes(data)


def test_all_of_the_sound_is_heard_whatever_its_size():
    wrong = []
    for container, made_up in {"aiff": 0xFFFF_FFFF - 8, "caf": -5, "w64": 2**63 - 25, "au": 0xFFFF_FFFF}.items():
        for size in [PCM_BYTES // 2, PCM_BYTES // 2 + 1, PCM_BYTES, made_up, *([0] if container != "au" else [])]:
            waveform = decode_audio(with_size(container, size), max_seconds=9.0)
            starts = burst_starts(waveform.samples)
            if starts != pytest.approx([1.0, 3.0], abs=0.01) or waveform.duration_s != pytest.approx(4.0, abs=0.01):
                wrong.append((container, size, starts, waveform.duration_s))
    assert wrong == []


def test_a_file_that_ends_before_its_size_is_cut_short():
    for container in HEADS:
        with pytest.raises(CorruptAudio, match=r"cut short after [12]\.\d s"):
            decode_audio(sound(container)[: PCM_BYTES // 2], max_seconds=9.0)


def test_a_true_size_is_kept_whatever_is_behind_the_sound():
    changed = []
    for container in HEADS:
        for tail in (b"", bytes(300), b"TAG" + bytes(125)):
            data = sound(container) + tail
            if with_true_size(data) is not data:
                changed.append((container, tail))
    assert changed == []
    data = sound("aiff") + b"ID3 " + struct.pack(">I", 6000) + bytes(6000) + b"NAME\0\0\0\1x\0"
    assert with_true_size(data) is data
