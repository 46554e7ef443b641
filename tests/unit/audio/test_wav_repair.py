"""Wavs that FFmpeg reads wrongly: sizes that are not true, two data chunks, joined files, odd widths, other scales."""

import struct

import numpy as np
import pytest

from model.audio.decode import decode_audio
from model.audio.scale import find_gain
from model.errors import CorruptAudio, UnsupportedAudio
from tests.sound_files import encode
from tests.timed_files import chunk, wav

SAMPLES = np.random.default_rng(2).integers(-20_000, 20_000, 32_000).astype(np.int16)
PCM = SAMPLES.astype("<i2").tobytes()
HALF = len(PCM) // 2
EXPECTED = SAMPLES.astype(np.float32) / 32768


def decoded(data, **options):
    return decode_audio(data, max_seconds=60.0, **options).samples


def test_all_data_chunks_are_heard():
    between = {"nothing": b"", "list": chunk(b"LIST", b"INFO"), "odd": chunk(b"bext", b"odd")}
    files = {name: wav(chunk(b"data", PCM[:HALF]), what, chunk(b"data", PCM[HALF:])) for name, what in between.items()}
    assert [name for name, data in files.items() if not np.array_equal(decoded(data), EXPECTED)] == []


def test_a_size_that_is_not_true_loses_nothing():
    for size in [0, HALF, HALF + 1, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF]:
        np.testing.assert_array_equal(decoded(wav(chunk(b"data", PCM, size))), EXPECTED)


def test_joined_wavs_follow_each_other():
    wrong = []
    for size in (None, 0xFFFF_FFFF):
        for before in (b"", chunk(b"JUNK", bytes(28)), chunk(b"bext", bytes(602))):
            first, second = wav(chunk(b"data", PCM, size)), wav(chunk(b"data", PCM), rate=8000)
            samples = decoded(first + second[:12] + before + second[12:])
            if not np.array_equal(samples[:32_000], EXPECTED) or len(samples) != 32_000 * 3:
                wrong.append((size, before[:4], len(samples)))
    assert wrong == []


def rf64(size, *data, magic=b"RF64"):
    """Return a wav whose sizes are in ds64: that of the sound is `size`."""
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0))
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    return magic + struct.pack("<I", 0xFFFF_FFFF) + b"WAVE" + sizes + chunk(b"fmt ", form) + b"".join(data)


def test_a_wav_with_sizes_of_64_bits_is_heard_whole_or_refused():
    sound = chunk(b"data", PCM, 0xFFFF_FFFF)
    halves = [chunk(b"data", PCM[:HALF], 0xFFFF_FFFF), chunk(b"data", PCM[HALF:])]
    for magic in (b"RF64", b"BW64"):
        for size in [len(PCM), HALF, 0]:
            np.testing.assert_array_equal(decoded(rf64(size, sound, magic=magic)), EXPECTED)
        np.testing.assert_array_equal(decoded(rf64(HALF, *halves, magic=magic)), EXPECTED)
        assert len(decoded(rf64(len(PCM), sound, magic=magic) * 2)) == 2 * len(EXPECTED)
        with pytest.raises(CorruptAudio, match=r"cut short after 1\.0 s"):
            decoded(rf64(len(PCM), sound, magic=magic)[: len(rf64(0, b"data....")) + HALF])


def test_an_odd_chunk_without_its_padding_hides_nothing():
    info = b"LIST" + struct.pack("<I", 5) + b"INFO."
    np.testing.assert_array_equal(decoded(wav(info, chunk(b"data", PCM))), EXPECTED)


def test_a_header_that_is_wrong_about_the_bytes_of_a_sample_changes_no_time():
    wrong = []
    for align in (0, 1, 4):
        form = struct.pack("<HHIIHH", 1, 1, 16_000, 16_000 * align, align, 16)
        body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", PCM)
        if not np.array_equal(decoded(b"RIFF" + struct.pack("<I", len(body)) + body), EXPECTED):
            wrong.append(align)
    assert wrong == []


def test_what_follows_the_sound_is_not_sound():
    whole = wav(chunk(b"data", PCM))
    tails = (b"TAG" + bytes(125), bytes(7), chunk(b"LIST", b"INFO"), chunk(b"id3 ", bytes(300)))
    assert [tail for tail in tails if not np.array_equal(decoded(whole + tail), EXPECTED)] == []


def test_a_wav_that_ends_before_its_size_is_cut_short():
    cut = wav(chunk(b"data", PCM))[: 44 + HALF]
    with pytest.raises(CorruptAudio, match=r"cut short after 1\.0 s"):
        decoded(cut)
    np.testing.assert_array_equal(decoded(cut, end_s=1.0), EXPECTED[:16_000])


def test_a_size_that_is_a_little_too_large_is_no_damage():
    np.testing.assert_array_equal(decoded(wav(chunk(b"data", PCM, len(PCM) + 2000))), EXPECTED)


def test_an_id3_tag_in_front_of_a_wav_is_skipped():
    tag = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
    np.testing.assert_array_equal(decoded(tag + wav(chunk(b"data", PCM))), EXPECTED)
    with_footer = b"ID3\x04\0\x10\0\0\0\x0a" + bytes(10) + b"3DI\x04\0\x10\0\0\0\x0a"
    np.testing.assert_array_equal(decoded(with_footer + wav(chunk(b"data", PCM))), EXPECTED)


def test_a_big_endian_wav_is_heard():
    wrong = []
    for kind, bits, values in [
        (1, 16, SAMPLES.astype(">i2")),
        (1, 32, (SAMPLES.astype(np.int32) << 16).astype(">i4")),
        (3, 32, EXPECTED.astype(">f4")),
        (1, 24, np.pad(SAMPLES.astype(">i2").view(np.uint8).reshape(-1, 2), ((0, 0), (0, 1)))),
    ]:
        data = wav(chunk(b"data", values.tobytes(), order=">"), kind=kind, bits=bits, order=">")
        if not np.array_equal(decoded(data), EXPECTED):
            wrong.append((kind, bits))
    assert wrong == []


def test_24_bits_in_32_are_heard():
    sound = chunk(b"data", (SAMPLES.astype("<i4") << 16).tobytes())
    extensible = struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 64_000, 4, 32) + struct.pack("<HHI", 22, 24, 4)
    extensible += bytes.fromhex("0100000000001000800000aa00389b71")
    for form in (extensible, struct.pack("<HHIIHH", 1, 1, 16_000, 64_000, 4, 24)):
        body = b"WAVE" + chunk(b"fmt ", form) + sound
        np.testing.assert_array_equal(decoded(b"RIFF" + struct.pack("<I", len(body)) + body), EXPECTED)


def test_float_samples_in_the_range_of_int16_are_scaled():
    said = ("The samples were scaled to full scale: they hold integers in a wider format.",)
    wrong = []
    for container in ("wav", "caf", "matroska"):
        scaled = encode(SAMPLES.astype(np.float32)[None], 16_000, container, "pcm_f32le")
        waveform = decode_audio(scaled, max_seconds=60.0)
        if not np.array_equal(waveform.samples, EXPECTED) or waveform.warnings != said:
            wrong.append((container, waveform.warnings))
    assert wrong == []


def test_floats_that_are_damaged_are_not_scaled():
    loud, damaged = np.full((1, 16_000), 9_000, np.float32), np.full((1, 16_000), np.nan, np.float32)
    assert find_gain("pcm_f32le", iter([loud])) == 1 / 32768
    assert find_gain("pcm_f32le", iter([loud, damaged])) == 1.0


def test_float_samples_in_the_range_of_any_integer_are_scaled():
    wrong = []
    for bits in (8, 16, 24, 32):
        scaled = EXPECTED.astype(np.float64) * 2 ** (bits - 1)
        if not np.array_equal(decoded(wav(chunk(b"data", scaled.astype("<f8").tobytes()), kind=3, bits=64)), EXPECTED):
            wrong.append(bits)
    assert wrong == []


def test_narrow_values_in_int32_are_scaled():
    for bits, odd in ((16, 0), (24, np.arange(len(SAMPLES)) % 2)):
        narrow = SAMPLES.astype(np.int32) * 2 ** (bits - 16) + odd
        data = wav(chunk(b"data", narrow.astype("<i4").tobytes()), bits=32)
        np.testing.assert_allclose(decoded(data), EXPECTED, atol=2.0**-22)


def test_quiet_samples_in_int32_are_left_alone():
    quiet = SAMPLES.astype(np.int32) * 256  # a recording of 24 bits
    np.testing.assert_array_equal(decoded(wav(chunk(b"data", quiet.astype("<i4").tobytes()), bits=32)), EXPECTED / 256)
    dither = np.random.default_rng(3).integers(-500, 500, 32_000)
    found = decoded(wav(chunk(b"data", dither.astype("<i4").tobytes()), bits=32))
    np.testing.assert_allclose(found, dither / 2.0**31)


def test_float_samples_somewhat_above_full_scale_are_left_alone():
    loud = EXPECTED * np.float32(4)
    np.testing.assert_array_equal(decoded(encode(loud[None], 16_000, "wav", "pcm_f32le")), loud)


def test_a_riff_that_is_no_recording_is_named():
    for kind, name in [(b"WEBP", "a WebP image"), (b"RMID", "MIDI"), (b"QQQQ", "the kind 'QQQQ'")]:
        body = kind + chunk(b"VP8 ", bytes(500))
        with pytest.raises(UnsupportedAudio, match=name):
            decoded(b"RIFF" + struct.pack("<I", len(body)) + body)
