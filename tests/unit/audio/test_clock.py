"""Times are those of the file's own clock: gaps, late starts, drift, joined recordings, and forged timestamps."""

from fractions import Fraction

import numpy as np
import pytest

from model.audio.clock import MAX_SILENCE_S, Clock, Frame, stretch, without_glitches
from model.audio.decode import decode_audio
from model.errors import CorruptAudio
from tests.sound_files import encode
from tests.timed_files import RATE, burst_starts, bursts, retime


def decoded(data, **options):
    return decode_audio(data, max_seconds=60.0, **options)


def test_a_gap_inside_a_page_of_ogg_is_where_packets_are_missing():
    for codec in ("libopus", "flac"):
        data = encode(bursts(1.0, 2.95, 6.0, seconds=8), RATE, "ogg", codec)
        cut = retime(data, "ogg", lambda seconds: None if 3.6 <= seconds < 5.6 else seconds)
        assert burst_starts(decoded(cut).samples) == pytest.approx([1.0, 2.95, 6.0], abs=0.03), codec


def pages(data):
    """Return the pages of an Ogg file (RFC 3533, section 6)."""
    found, start = [], 0
    while start < len(data):
        num_segments = data[start + 26]
        stop = start + 27 + num_segments + sum(data[start + 27 : start + 27 + num_segments])
        found.append(data[start:stop])
        start = stop
    return found


def test_a_page_of_ogg_that_is_lost_or_comes_twice_moves_nothing():
    for codec, rate in [("libopus", RATE), ("vorbis", 44_100), ("flac", RATE)]:
        sound = bursts(1.0, 5.0, seconds=7, rate=rate)
        found = pages(encode(sound.repeat(2, 0) if codec == "vorbis" else sound, rate, "ogg", codec))
        for changed in (found[:5] + found[6:], found[:5] + found[4:]):
            waveform = decoded(b"".join(changed))
            assert burst_starts(waveform.samples) == pytest.approx([1.0, 5.0], abs=0.03), codec
            assert waveform.duration_s == pytest.approx(7.0, abs=0.1), codec
            assert len(waveform.warnings) == 1


def test_a_part_that_is_sent_again_is_heard_once():
    for container in ("mpegts", "vob"):
        data = encode(bursts(1.0, 3.0, 5.0, seconds=7), RATE, container, "mp2")
        first = retime(data, container, lambda seconds: seconds if seconds < 4.5 else None)
        second = retime(data, container, lambda seconds: None if seconds < 2.5 else seconds)
        waveform = decoded(first + second)
        assert burst_starts(waveform.samples) == pytest.approx([1.0, 3.0, 5.0], abs=0.05), container
        assert any("left out where the file's timestamps go back" in warning for warning in waveform.warnings)


def test_a_part_after_a_gap_equals_the_same_samples_of_the_whole():
    data = encode(bursts(1.0, 5.5, seconds=7), RATE, "webm", "libopus")
    cut = retime(data, "webm", lambda seconds: None if 2 <= seconds < 4 else seconds)
    np.testing.assert_array_equal(decoded(cut, start_s=5.0).samples, decoded(cut).samples[80_000:])


def test_a_clock_that_drifts_is_followed():
    for container, codec, speed in [("webm", "libopus", 0.95), ("matroska", "flac", 1.05), ("mov", "aac", 1.05)]:
        data = encode(bursts(2.0, 8.0, seconds=10), RATE, container, codec)
        waveform = decoded(retime(data, container, lambda seconds, speed=speed: seconds * speed))
        assert burst_starts(waveform.samples) == pytest.approx([2 * speed, 8 * speed], abs=0.08), container
        assert waveform.duration_s == pytest.approx(10 * speed, abs=0.1), container


def test_silence_is_bounded():
    data = encode(bursts(1.0, seconds=3), RATE, "webm", "libopus")
    forged = retime(data, "webm", lambda seconds: seconds if seconds < 2 else seconds + MAX_SILENCE_S + 1)
    with pytest.raises(CorruptAudio, match=r"timestamps jump ahead by 3601 s after 2\.0 s.*end before the jump"):
        decoded(forged)
    assert burst_starts(decoded(forged, end_s=2.0).samples) == pytest.approx([1.0], abs=0.03)


def test_one_wrong_timestamp_is_ignored():
    frames = [Frame(np.ones((1, 480), np.float32), RATE, 480 * i) for i in range(9)]
    for jump in (-30 * RATE, 30 * RATE):
        wrong = [*frames[:4], Frame(frames[4].channels, RATE, 480 * 4 + jump), *frames[5:]]
        assert [frame.pts for frame in without_glitches(iter(wrong), 1 / RATE)] == [
            None if i == 4 else 480 * i for i in range(9)
        ]
        moved = [*frames[:4], *(Frame(frame.channels, RATE, frame.pts + jump) for frame in frames[4:])]
        assert [frame.pts for frame in without_glitches(iter(moved), 1 / RATE)] == [frame.pts for frame in moved]


def test_a_second_recording_whose_clock_starts_again_follows_the_first():
    data = encode(bursts(1.0, seconds=3), RATE, "flac", "flac")
    assert burst_starts(decoded(data + data).samples) == pytest.approx([1.0, 4.0], abs=0.001)


def test_the_clock_keeps_its_place_when_the_rate_changes():
    clock = Clock(Fraction(1, 1_000_000))
    assert clock.lag(Frame(np.zeros((1, 9), np.float32), 48_000, 500_000), None) == 0
    clock.count(48_000)
    assert clock.lag(Frame(np.zeros((1, 9), np.float32), 16_000, 1_750_000), None) == 4_000
    assert clock.seconds == 1.0


def test_stretching_keeps_a_slow_wave():
    wave = np.sin(np.arange(1000) / 50).astype(np.float32)
    for num_samples in (950, 1000, 1001):
        stretched = stretch(wave, num_samples)
        assert (len(stretched), stretched.dtype) == (num_samples, np.float32)
        expected = np.sin(np.arange(num_samples) * 1000 / num_samples / 50)
        np.testing.assert_allclose(stretched[:-1], expected[:-1], atol=1e-3)
