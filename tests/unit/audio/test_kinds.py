"""Events of a recording are found at the times at which they were recorded, in every container with every codec."""

import pytest

from model.audio.decode import decode_audio
from tests.sound_kinds import KINDS
from tests.timed_files import burst_spans, burst_starts, bursts, retime, tracks

SECONDS = 6.0
SPANS = [(0.5, 1.0), (5.0, 5.5)]
TOLERANCE_S = 0.03  # an encoder's delay that the file does not state
TOLERANCES_S = {"libopencore_amrnb": 0.05, "wmav1": 0.08, "wmav2": 0.08}  # noise rises slowly in them, or too early


def as_recorded(seconds):
    return seconds


def two_seconds_missing(seconds):
    return None if 2.5 <= seconds < 4.5 else seconds


def four_seconds_late(seconds):
    return seconds + 4


def is_right(waveform, tolerance_s):
    spans = burst_spans(waveform.samples)
    return (
        len(spans) == len(SPANS)
        and spans == [pytest.approx(span, abs=tolerance_s) for span in SPANS]
        and abs(waveform.duration_s - SECONDS) < 0.1
    )


def misheard(kind, change):
    """Return what is wrong with the sound of this kind of file after a change to its clock, or None."""
    sound = kind.encode(bursts(*(start for start, _ in SPANS), seconds=SECONDS, rate=kind.rate))
    data = sound if change is as_recorded else retime(sound, kind.container, change)
    waveform = decode_audio(data, max_seconds=60.0)
    says_silence = any("of silence were inserted" in warning for warning in waveform.warnings)
    if is_right(waveform, TOLERANCES_S.get(kind.codec, TOLERANCE_S)) and says_silence == (
        change is two_seconds_missing
    ):
        return None
    return kind, change.__name__, burst_spans(waveform.samples), waveform.duration_s


def test_events_keep_the_times_of_their_packets():
    changes = (as_recorded, two_seconds_missing, four_seconds_late)
    found = [misheard(kind, change) for kind in KINDS if kind.has_clock for change in changes]
    assert [wrong for wrong in found if wrong] == []


def test_events_keep_their_times_where_these_follow_from_counting():
    found = [misheard(kind, as_recorded) for kind in KINDS if not kind.has_clock]
    assert [wrong for wrong in found if wrong] == []


WITH_PICTURE = [
    ("mp4", "aac", "mpeg4"),
    ("mp4", "aac", "libx264"),
    ("mov", "alac", "mpeg4"),
    ("matroska", "aac", "mpeg4"),
    ("matroska", "aac", "libx264"),  # its frames are reordered: FFmpeg does not know when the picture begins
    ("webm", "libopus", "libvpx"),
    ("asf", "libmp3lame", "libx264"),
    ("flv", "aac", "flv"),
    ("mpegts", "mp2", "mpeg2video"),
    ("vob", "ac3", "mpeg2video"),
]


def test_sound_that_begins_after_the_picture_is_late():
    sound, found = bursts(1.0, seconds=2), {}
    for container, codec, picture in WITH_PICTURE:
        data = tracks(container, [(sound, codec, True)], late=2.0, picture_codec=picture)
        found[container, codec, picture] = burst_starts(decode_audio(data, max_seconds=60.0).samples)
    assert found == {kind: pytest.approx([3.0], abs=0.06) for kind in WITH_PICTURE}


def test_joined_broadcasts_follow_each_other_whatever_their_clocks():
    for container in ("mpegts", "vob"):
        data = tracks(container, [(bursts(1.0, 4.5, seconds=6), "mp2", True)])
        joined = retime(data, container, lambda seconds: seconds if seconds < 4 else seconds + 5000)
        starts = burst_starts(decode_audio(joined, max_seconds=60.0).samples)
        assert starts == pytest.approx([1.0, 4.5], abs=0.03), container
