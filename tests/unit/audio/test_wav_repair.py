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


@pytest.mark.parametrize("between", [b"", chunk(b"LIST", b"INFO"), chunk(b"bext", b"odd")], ids=["none", "list", "odd"])
def test_all_data_chunks_are_heard(between):
    data = wav(chunk(b"data", PCM[:HALF]), between, chunk(b"data", PCM[HALF:]))
    np.testing.assert_array_equal(decoded(data), EXPECTED)


def test_a_size_that_is_not_true_loses_nothing():
    for size in [0, HALF, HALF + 1, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF]:
        np.testing.assert_array_equal(decoded(wav(chunk(b"data", PCM, size))), EXPECTED)


@pytest.mark.parametrize("size", [None, 0xFFFF_FFFF])
@pytest.mark.parametrize("before", [b"", chunk(b"JUNK", bytes(28)), chunk(b"bext", bytes(602))])
def test_joined_wavs_follow_each_other(size, before):
    first, second = wav(chunk(b"data", PCM, size)), wav(chunk(b"data", PCM), rate=8000)
    samples = decoded(first + second[:12] + before + second[12:])
    np.testing.assert_array_equal(samples[:32_000], EXPECTED)
    assert len(samples) == 32_000 * 3


def rf64(size, *data, magic=b"RF64"):
    """Return a wav whose sizes are in ds64: that of the sound is `size`."""
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0))
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    return magic + struct.pack("<I", 0xFFFF_FFFF) + b"WAVE" + sizes + chunk(b"fmt ", form) + b"".join(data)


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_a_wav_with_sizes_of_64_bits_is_heard_whole_or_refused(magic):
    sound = chunk(b"data", PCM, 0xFFFF_FFFF)
    for size in [len(PCM), HALF, 0]:
        np.testing.assert_array_equal(decoded(rf64(size, sound, magic=magic)), EXPECTED)
    halves = [chunk(b"data", PCM[:HALF], 0xFFFF_FFFF), chunk(b"data", PCM[HALF:])]
    np.testing.assert_array_equal(decoded(rf64(HALF, *halves, magic=magic)), EXPECTED)
    assert len(decoded(rf64(len(PCM), sound, magic=magic) * 2)) == 2 * len(EXPECTED)
    with pytest.raises(CorruptAudio, match=r"cut short after 1\.0 s"):
        decoded(rf64(len(PCM), sound, magic=magic)[: len(rf64(0, b"data....")) + HALF])


def test_an_odd_chunk_without_its_padding_hides_nothing():
    info = b"LIST" + struct.pack("<I", 5) + b"INFO."
    np.testing.assert_array_equal(decoded(wav(info, chunk(b"data", PCM))), EXPECTED)


@pytest.mark.parametrize("align", [0, 1, 4])
def test_a_header_that_is_wrong_about_the_bytes_of_a_sample_changes_no_time(align):
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 16_000 * align, align, 16)
    body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", PCM)
    np.testing.assert_array_equal(decoded(b"RIFF" + struct.pack("<I", len(body)) + body), EXPECTED)


@pytest.mark.parametrize("tail", [b"TAG" + bytes(125), bytes(7), chunk(b"LIST", b"INFO"), chunk(b"id3 ", bytes(300))])
def test_what_follows_the_sound_is_not_sound(tail):
    np.testing.assert_array_equal(decoded(wav(chunk(b"data", PCM)) + tail), EXPECTED)


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


@pytest.mark.parametrize(
    ("kind", "bits", "values"),
    [
        (1, 16, SAMPLES.astype(">i2")),
        (1, 32, (SAMPLES.astype(np.int32) << 16).astype(">i4")),
        (3, 32, EXPECTED.astype(">f4")),
        (1, 24, np.pad(SAMPLES.astype(">i2").view(np.uint8).reshape(-1, 2), ((0, 0), (0, 1)))),
    ],
    ids=["int16", "int32", "float", "int24"],
)
def test_a_big_endian_wav_is_heard(kind, bits, values):
    data = wav(chunk(b"data", values.tobytes(), order=">"), kind=kind, bits=bits, order=">")
    np.testing.assert_array_equal(decoded(data), EXPECTED)


@pytest.mark.parametrize("is_extensible", [True, False])
def test_24_bits_in_32_are_heard(is_extensible):
    sound = chunk(b"data", (SAMPLES.astype("<i4") << 16).tobytes())
    if is_extensible:
        form = struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 64_000, 4, 32) + struct.pack("<HHI", 22, 24, 4)
        form += bytes.fromhex("0100000000001000800000aa00389b71")
    else:
        form = struct.pack("<HHIIHH", 1, 1, 16_000, 64_000, 4, 24)
    body = b"WAVE" + chunk(b"fmt ", form) + sound
    np.testing.assert_array_equal(decoded(b"RIFF" + struct.pack("<I", len(body)) + body), EXPECTED)


@pytest.mark.parametrize("container", ["wav", "caf", "matroska"])
def test_float_samples_in_the_range_of_int16_are_scaled(container):
    scaled = encode(SAMPLES.astype(np.float32)[None], 16_000, container, "pcm_f32le")
    waveform = decode_audio(scaled, max_seconds=60.0)
    np.testing.assert_array_equal(waveform.samples, EXPECTED)
    assert waveform.warnings == ("The samples were scaled to full scale: they hold integers in a wider format.",)


def test_floats_that_are_damaged_are_not_scaled():
    loud, damaged = np.full((1, 16_000), 9_000, np.float32), np.full((1, 16_000), np.nan, np.float32)
    assert find_gain("pcm_f32le", iter([loud])) == 1 / 32768
    assert find_gain("pcm_f32le", iter([loud, damaged])) == 1.0


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_float_samples_in_the_range_of_any_integer_are_scaled(bits):
    scaled = EXPECTED.astype(np.float64) * 2 ** (bits - 1)
    data = wav(chunk(b"data", scaled.astype("<f8").tobytes()), kind=3, bits=64)
    np.testing.assert_array_equal(decoded(data), EXPECTED)


@pytest.mark.parametrize("bits", [16, 24])
def test_narrow_values_in_int32_are_scaled(bits):
    narrow = SAMPLES.astype(np.int32) * 2 ** (bits - 16) + (np.arange(len(SAMPLES)) % 2 if bits == 24 else 0)
    data = wav(chunk(b"data", narrow.astype("<i4").tobytes()), bits=32)
    np.testing.assert_allclose(decoded(data), EXPECTED, atol=2.0**-22)


def test_a_quiet_recording_of_24_bits_in_int32_is_left_alone():
    quiet = SAMPLES.astype(np.int32) * 256
    np.testing.assert_array_equal(decoded(wav(chunk(b"data", quiet.astype("<i4").tobytes()), bits=32)), EXPECTED / 256)


def test_quiet_int32_samples_are_left_alone():
    dither = np.random.default_rng(3).integers(-500, 500, 32_000)
    quiet = decoded(wav(chunk(b"data", dither.astype("<i4").tobytes()), bits=32))
    np.testing.assert_allclose(quiet, dither / 2.0**31)


def test_float_samples_somewhat_above_full_scale_are_left_alone():
    loud = EXPECTED * np.float32(4)
    np.testing.assert_array_equal(decoded(encode(loud[None], 16_000, "wav", "pcm_f32le")), loud)


@pytest.mark.parametrize(("kind", "name"), [(b"WEBP", "a WebP image"), (b"RMID", "MIDI"), (b"QQQQ", "the kind 'QQQQ'")])
def test_a_riff_that_is_no_recording_is_named(kind, name):
    body = kind + chunk(b"VP8 ", bytes(500))
    with pytest.raises(UnsupportedAudio, match=name):
        decoded(b"RIFF" + struct.pack("<I", len(body)) + body)
