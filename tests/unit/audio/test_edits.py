"""Pauses in the edit list of an mp4 are silence, wherever they are."""

import struct

import pytest

from model.audio import edits
from model.audio.decode import decode_audio
from model.audio.edits import with_pauses
from tests.sound_files import encode
from tests.timed_files import RATE, burst_starts, bursts

PAUSE = -1


def edited(container: str, codec: str, edits: list[tuple[int, int]], version: int = 0) -> bytes:
    """Return 6 s with bursts at 0.5 s and 5 s and this edit list: seconds, and where in the sound they begin."""
    data = encode(bursts(0.5, 5.0, seconds=6), RATE, container, codec)
    place = data.rindex(b"elst") - 4
    (size,) = struct.unpack_from(">I", data, place)
    (begin,) = struct.unpack_from(">i", data, place + 20)  # what the encoder adds before the sound
    (scale,) = struct.unpack_from(">I", data, data.rindex(b"mvhd") + 16)
    form = ">QqI" if version else ">IiI"
    body = b"".join(
        struct.pack(form, seconds * scale, PAUSE if start == PAUSE else begin + start * RATE, 1 << 16)
        for seconds, start in edits
    )
    box = struct.pack(">I4sB3xI", 16 + len(body), b"elst", version, len(edits)) + body
    changed = bytearray(data[:place] + box + data[place + size :])
    for name in (b"edts", b"trak", b"moov"):
        start = changed.rindex(name) - 4
        (old,) = struct.unpack_from(">I", changed, start)
        struct.pack_into(">I", changed, start, old + len(box) - size)
    return bytes(changed)


def test_a_pause_in_the_middle_is_silence():
    wrong = []
    for container, codec in [("mp4", "aac"), ("ipod", "alac"), ("mov", "pcm_s16le"), ("mp4", "libopus")]:
        for version in (0, 1):
            data = edited(container, codec, [(3, 0), (2, PAUSE), (3, 3)], version)
            waveform = decode_audio(data, max_seconds=60.0)
            starts = burst_starts(waveform.samples)
            is_told = any("of silence were inserted" in warning for warning in waveform.warnings)
            if starts != pytest.approx([0.5, 7.0], abs=0.08) or not is_told:  # ALAC has packets of 0.085 s
                wrong.append((container, codec, version, starts, waveform.warnings))
    assert wrong == []


def test_every_pause_counts():
    data = edited("mp4", "aac", [(1, PAUSE), (3, 0), (2, PAUSE), (1, 3), (1, PAUSE), (2, 4)])
    starts = burst_starts(decode_audio(data, max_seconds=60.0).samples)
    assert starts == pytest.approx([0.5, 8.0], abs=0.03)  # with sound alone, time 0 is its beginning


def test_an_edit_list_without_such_a_pause_is_kept():
    for given in ([(6, 0)], [(3, 0), (3, 3)], [(2, PAUSE), (6, 0)]):
        data = edited("mp4", "aac", given)
        assert with_pauses(data) is data
        assert burst_starts(decode_audio(data, max_seconds=60.0).samples) == pytest.approx([0.5, 5.0], abs=0.03)


def test_a_list_inside_of_another_is_not_walked_again(monkeypatch):
    unit, num_units = 48, 50
    data = b"\0\0\0\x08ftyp"
    for left in range(num_units * unit + 4, 4, -unit):  # each head claims the rest of the file
        data += struct.pack(">I4sII", left, b"elst", 0, (left - 16) // 12).ljust(unit, b"\xff")
    data += bytes(4)
    found = []
    pauses = edits._pauses
    monkeypatch.setattr(edits, "_pauses", lambda *given: found.extend(pauses(*given)) or [])
    assert edits.with_pauses(data) is data
    assert 0 < len(found) < len(data) / 12
