"""Decoding bytes to a waveform: files of every kind, parts of files, and limits."""

import io
import math
import resource
import struct
import tracemalloc
import wave

import numpy as np
import pytest
import soxr

from model.audio.decode import decode_audio
from model.audio.scale import LOUDEST
from model.errors import AudioTooLong, CorruptAudio, EmptyAudio, UnsupportedAudio
from tests.timed_files import chunk, wav


def pcm_wav(samples, rate=16_000):
    """Return int16 [samples] or [samples, channels] as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        output.setsampwidth(2)
        output.setframerate(rate)
        output.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def noise(num_samples, seed=0):
    return np.random.default_rng(seed).integers(-20_000, 20_000, num_samples).astype(np.int16)


def test_files_are_decoded_to_their_samples(files, expected_samples):
    decoded = {kind: decode_audio(data, max_seconds=10.0) for kind, data in files.items()}
    assert {waveform.samples.dtype for waveform in decoded.values()} == {np.dtype(np.float32)}
    wrong_length = {kind for kind, waveform in decoded.items() if not 3.0 <= waveform.duration_s <= 3.02}
    assert not wrong_length  # AAC pads its last frame
    # Lossy codecs change the signal a little. A shift by 1 ms would give an error of 0.3.
    errors = {kind: waveform.samples[:48_000] - expected_samples for kind, waveform in decoded.items()}
    assert {kind for kind, error in errors.items() if not np.sqrt(np.mean(error**2)) < 0.02} == set()


def test_16_khz_is_decoded_exactly_and_channels_are_averaged():
    mono = noise(20_001)
    found = decode_audio(pcm_wav(mono), max_seconds=10.0).samples
    np.testing.assert_array_equal(found, mono.astype(np.float32) / 32768)
    three = noise(8000 * 3).reshape(8000, 3)
    found = decode_audio(pcm_wav(three), max_seconds=10.0).samples
    np.testing.assert_allclose(found, three.mean(axis=1) / 32768, atol=1e-7)


def test_resampling_in_blocks_equals_resampling_everything():
    for rate in (4000, 44_100, 192_000):
        samples = noise(rate * 2 + 7)
        waveform = decode_audio(pcm_wav(samples, rate), max_seconds=10.0)
        at_once = soxr.resample(samples.astype(np.float32) / 32768, rate, 16_000, quality="HQ")
        assert waveform.num_samples == len(at_once) == round(len(samples) * 16_000 / rate)
        np.testing.assert_allclose(waveform.samples, at_once, atol=1e-6, err_msg=f"{rate} Hz")


def test_a_part_equals_the_same_samples_of_the_whole(files):
    wrong = []
    for kind in ("wav", "mp3", "webm-opus", "m4a-aac"):
        whole = decode_audio(files[kind], max_seconds=10.0).samples
        for start, end in [(0.0, 1.0), (0.5, 1.5), (1.23456, 2.00001), (2.5, None), (1.0, 99.0)]:
            part = decode_audio(files[kind], max_seconds=10.0, start_s=start, end_s=end).samples
            stop = None if end is None else round(end * 16_000)
            if not np.array_equal(part, whole[round(start * 16_000) : stop]):
                wrong.append((kind, start, end))
    assert wrong == []


def test_a_part_of_a_recording_over_the_limit_is_accepted(silent_opus):
    assert decode_audio(silent_opus(600), max_seconds=20.0, start_s=300.0, end_s=310.0).num_samples == 160_000


def test_a_part_that_cannot_be_is_an_error(files):
    for start, end in [(-1.0, None), (1.0, 1.0), (2.0, 1.0), (math.nan, None), (0.0, math.nan)]:
        with pytest.raises(ValueError, match="part|NaN"):
            decode_audio(files["wav"], max_seconds=10.0, start_s=start, end_s=end)
    with pytest.raises(EmptyAudio, match=r"3\.00 s long, so it has no sound after 3 s"):
        decode_audio(files["wav"], max_seconds=10.0, start_s=3.0)


def test_the_limit_is_exact():
    for difference in [-1, 0, 1]:
        for limit in [1.0, 30.0]:
            num_samples = round(limit * 16_000) + difference
            data = pcm_wav(noise(num_samples))
            if difference <= 0:
                assert decode_audio(data, max_seconds=limit).num_samples == num_samples
            else:
                with pytest.raises(AudioTooLong) as caught:
                    decode_audio(data, max_seconds=limit)
                assert caught.value.limit_s == limit


def test_at_least_a_tenth_of_a_second_is_required():
    for num_samples in (1600, 1601):
        assert decode_audio(pcm_wav(noise(num_samples)), max_seconds=1.0).num_samples == num_samples
    for data in (b"", pcm_wav(noise(0)), pcm_wav(noise(160)), pcm_wav(noise(1599))):
        with pytest.raises(EmptyAudio, match=r"Send at least 0\.1 s" if data else None):
            decode_audio(data, max_seconds=1.0)


def test_hours_of_silence_stop_at_the_limit_with_little_memory(silent_opus):
    data = silent_opus(3 * 3600)
    assert len(data) < 1_000_000
    resident_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    with pytest.raises(AudioTooLong, match=r"at most 60 s; this recording is 10800\.0 s") as caught:
        decode_audio(data, max_seconds=60.0)
    traced = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.duration_s == pytest.approx(10_800)
    assert traced < 10e6  # 60 s of float32 at 16 kHz are 3.84 MB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident_before < 50_000  # kB


def test_decoded_bytes_before_the_part_are_limited_too(silent_opus):
    with pytest.raises(UnsupportedAudio, match="more than 1 MB"):
        decode_audio(silent_opus(600), max_seconds=60.0, start_s=500.0, max_decoded_bytes=1_000_000)


def test_forged_rates_are_rejected(chirp, encode):
    for rate in (3999, 192_001, 1_000_000):
        data = bytearray(pcm_wav(noise(16_000)))
        data[24:28] = struct.pack("<I", rate)
        with pytest.raises(UnsupportedAudio, match="4000 to 192000 samples per second"):
            decode_audio(bytes(data), max_seconds=10.0)
    flac = encode(chirp(0.1, 655_350), 655_350, "flac", "flac")
    with pytest.raises(UnsupportedAudio, match="this recording has 655350"):
        decode_audio(flac, max_seconds=10.0)


def test_nine_channels_are_rejected():
    eight, nine = (pcm_wav(noise(16_000 * number).reshape(-1, number)) for number in (8, 9))
    assert decode_audio(eight, max_seconds=10.0).num_samples == 16_000
    with pytest.raises(UnsupportedAudio, match="1 to 8 channels; this recording has 9"):
        decode_audio(nine, max_seconds=10.0)


def test_invalid_float_samples_are_rejected(encode):
    for value in (math.nan, math.inf, -math.inf, 2 * LOUDEST):
        samples = np.zeros((1, 16_000), np.float32)
        samples[0, 8_000] = value
        data = encode(samples, 16_000, "wav", "pcm_f32le")
        with pytest.raises(CorruptAudio, match="infinite, NaN or far too large"):
            decode_audio(data, max_seconds=10.0)
        assert decode_audio(data, max_seconds=10.0, end_s=0.2).num_samples == 3200
    doubles = np.zeros(16_000)
    doubles[8_000] = 1e300  # no float32 holds it
    with pytest.raises(CorruptAudio, match="infinite, NaN or far too large"):
        decode_audio(wav(chunk(b"data", doubles.astype("<f8").tobytes()), kind=3, bits=64), max_seconds=10.0)
