"""Which track is decoded, what is left out of it, and which kinds of file are read."""

import io
import struct

import av
import numpy as np
import pytest

from model.audio.container import CODECS
from model.audio.decode import decode_audio
from model.audio.joined import split_recordings
from model.errors import CorruptAudio, NoSuchTrack, UnsupportedAudio
from tests.sound_files import encode
from tests.timed_files import RATE, burst_starts, bursts, tracks

LOUD, SILENT = bursts(1.0, seconds=2), bursts(seconds=2)


def decoded(data, **options):
    return decode_audio(data, max_seconds=60.0, **options)


def test_the_default_track_is_heard_else_the_first():
    heard = {}
    for first, second in [(False, True), (True, False), (False, False), (True, True)]:
        data = tracks("matroska", [(SILENT, "aac", first), (LOUD, "aac", second)])
        heard[first, second] = bool(burst_starts(decoded(data).samples))
    assert [defaults for defaults, is_second in heard.items() if is_second] == [(False, True)]


def test_a_track_that_cannot_be_read_gives_way_unless_it_was_chosen(monkeypatch):
    monkeypatch.setattr("model.audio.container.CODECS", tuple(codec for codec in CODECS if codec != "ac3"))
    for is_default in (True, False):
        data = tracks("matroska", [(SILENT, "ac3", is_default), (LOUD, "aac", False)])
        assert burst_starts(decoded(data).samples) == pytest.approx([1.0], abs=0.06)
    with pytest.raises(UnsupportedAudio, match="codec is not supported"):
        decoded(tracks("matroska", [(SILENT, "ac3", True)]))
    data = tracks("matroska", [(LOUD, "aac", True), (SILENT, "ac3", False)])
    with pytest.raises(UnsupportedAudio, match="has 2 audio tracks; track 1, counted from 0, cannot be read. .*codec"):
        decoded(data, track=1)


def test_a_track_can_be_chosen_by_its_number_among_the_audio_tracks():
    sounds = [(bursts(0.5 * (number + 1), seconds=3), "flac", number == 1) for number in range(3)]
    for late in (None, 0.0):
        data = tracks("matroska", sounds, late=late)  # with `late`, a picture comes before them
        for number, start in [(None, 1.0), (0, 0.5), (1, 1.0), (2, 1.5)]:
            waveform = decoded(data, track=number)
            assert burst_starts(waveform.samples) == pytest.approx([start], abs=0.01)
            shown = 1 if number is None else number
            assert waveform.warnings == (f"The file has 3 audio tracks; this is track {shown}, counted from 0.",)


def test_a_part_of_a_chosen_track(files):
    data = tracks("matroska", [(SILENT, "flac", True), (LOUD, "flac", False)])
    assert burst_starts(decoded(data, track=1, start_s=0.5).samples) == pytest.approx([0.5], abs=0.01)
    assert np.array_equal(decoded(files["flac"], track=0).samples, decoded(files["flac"]).samples)


def test_a_track_that_does_not_exist():
    data = tracks("matroska", [(SILENT, "flac", True)] * 3)
    for number, message in [
        (3, "has 3 audio tracks, so track 3 does not exist. Send 0 to 2,"),
        (10**30, "track 10{30} does not exist"),
        (-1, "track -1 does not exist"),
    ]:
        with pytest.raises(NoSuchTrack, match=message):
            decoded(data, track=number)
    with pytest.raises(NoSuchTrack, match="has 1 audio track, so track 1 does not exist. Send 0, or leave track out"):
        decoded(encode(LOUD, RATE, "flac", "flac"), track=1)


def test_16_bit_values_are_scaled_by_the_chosen_track():
    wide = (LOUD * 2.0**15).astype(np.float32)
    data = tracks("matroska", [(LOUD, "pcm_f32le", True), (wide, "pcm_f32le", False)])
    plain, scaled = decoded(data, track=0), decoded(data, track=1)
    assert np.abs(plain.samples - scaled.samples).max() < 1e-3
    assert [len(waveform.warnings) for waveform in (plain, scaled)] == [1, 2]


def test_a_header_that_counts_more_than_there_is_is_no_damage():
    flac = bytearray(encode(LOUD, RATE, "flac", "flac"))
    flac[18:26] = struct.pack(">Q", struct.unpack(">Q", flac[18:26])[0] + 4 * RATE)
    mp3 = encode(LOUD, RATE, "mp3", "libmp3lame")
    with av.open(io.BytesIO(mp3)) as file:
        places = [packet.pos for packet in file.demux(audio=0) if packet.pos]
    for data, seconds in ((bytes(flac), 2.0), (mp3[: places[60]], 60 * 1152 / RATE)):
        waveform = decoded(data)
        assert waveform.duration_s == pytest.approx(seconds, abs=0.06)
        assert burst_starts(waveform.samples) == pytest.approx([1.0], abs=0.06)


def test_a_matroska_that_promises_a_longer_recording_is_no_damage():
    data = encode(LOUD, RATE, "matroska", "flac")
    place = data.index(b"\x44\x89\x88") + 3  # Duration, 8 bytes
    (milliseconds,) = struct.unpack(">d", data[place : place + 8])
    assert milliseconds == pytest.approx(2000, abs=10)
    longer = data[:place] + struct.pack(">d", 9000.0) + data[place + 8 :]
    assert decoded(longer).duration_s == pytest.approx(2.0, abs=0.01)
    with pytest.raises(CorruptAudio, match="cut short after"):
        decoded(longer[: len(longer) // 2])


def test_mp1_is_read():
    frame = b"\xff\xff\x40\xc0" + bytes(132)  # MPEG-1, layer I, 128 kbit/s, 44.1 kHz, mono, without any sound
    assert decoded(frame * 115).duration_s == pytest.approx(115 * 384 / 44_100, abs=0.01)
    with pytest.raises(CorruptAudio, match="cut short after"):
        decoded((frame * 115)[:-40])


def test_joined_mp3s_are_heard_to_their_end():
    data = encode(LOUD, RATE, "mp3", "libmp3lame")
    waveform = decoded(data + data)
    assert burst_starts(waveform.samples) == pytest.approx([1.0, 3.0], abs=0.1)
    assert burst_starts(decoded(data + data, start_s=2.5).samples) == pytest.approx([0.5], abs=0.1)


JOINABLE = {
    "aiff": "pcm_s16be",
    "caf": "pcm_s16le",
    "w64": "pcm_s16le",
    "au": "pcm_s16be",
    "tta": "tta",
    "wv": "wavpack",
    "ipod": "aac",
    "amr": "libopencore_amrnb",
    "flv": "aac",
    "asf": "libmp3lame",
    "mov": "pcm_s16le",
    "3gp": "aac",
    "avi": "mp2",
}


def test_joined_files_of_every_container_are_heard_to_their_end():
    found = {}
    for container, codec in JOINABLE.items():
        rate = 8_000 if container == "amr" else RATE
        data = encode(bursts(1.0, seconds=2, rate=rate), rate, container, codec)
        found[container] = burst_starts(decoded(data * 3).samples)
    assert found == {container: pytest.approx([1.0, 3.0, 5.0], abs=0.12) for container in JOINABLE}


def test_joined_wavpack_of_six_channels():
    data = encode(LOUD.repeat(6, 0), RATE, "wv", "wavpack")  # one block for each pair of channels
    assert [len(part) for part in split_recordings(data * 2)] == [len(data)] * 2
    assert burst_starts(decoded(data * 2).samples) == pytest.approx([1.0, 3.0], abs=0.01)


def test_a_repeated_beginning_of_a_fragmented_mp4_does_not_hide_a_gap():
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
    data = encode(bursts(1.0, 4.0, seconds=5), RATE, "mp4", "aac", options)
    starts = [place - 4 for place in range(len(data)) if data.startswith(b"moof", place)]
    parts = data[: starts[0]], data[starts[0] : starts[4]], data[starts[6] :]
    again = parts[0] + parts[1] + parts[0] + parts[2]
    assert burst_starts(decoded(again).samples) == pytest.approx([1.0, 4.0], abs=0.1)


def test_chained_ogg_of_two_rates_is_heard_to_its_end():
    first = encode(bursts(1.0, seconds=2, rate=44_100).repeat(2, 0), 44_100, "ogg", "vorbis")
    second = encode(bursts(1.0, seconds=2, rate=22_050).repeat(2, 0), 22_050, "ogg", "vorbis")
    assert burst_starts(decoded(first + second).samples) == pytest.approx([1.0, 3.0], abs=0.05)


def test_a_packet_that_cannot_be_decoded_is_silence():
    wrong = []
    for container, codec in [("ipod", "aac"), ("mp3", "libmp3lame"), ("adts", "aac"), ("ac3", "ac3")]:
        data = bytearray(encode(bursts(1.0, 4.0, seconds=6), RATE, container, codec))
        noise = np.random.default_rng(5).bytes(700) if container == "ipod" else bytes(700)
        middle = len(data) * 5 // 12
        data[middle : middle + 700] = noise
        waveform = decoded(bytes(data))
        starts = burst_starts(waveform.samples)
        if starts != pytest.approx([1.0, 4.0], abs=0.1) or waveform.duration_s != pytest.approx(6.0, abs=0.12):
            wrong.append((container, starts, waveform.duration_s))
    assert wrong == []


def test_what_was_left_out_is_reported(files):
    data = bytearray(files["mp3"])
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    waveform = decoded(bytes(data))
    assert waveform.duration_s == pytest.approx(3, abs=0.1)
    assert any("packets could not be" in warning and "after 1." in warning for warning in waveform.warnings)
    assert decoded(files["mp3"]).warnings == ()


def test_a_recording_of_which_much_is_lost_is_damaged(files):
    data = bytearray(files["m4a-aac"])
    for place in range(len(data) // 4, len(data) * 3 // 4, 300):
        data[place : place + 40] = b"\xff" * 40
    with pytest.raises(CorruptAudio, match="damaged after"):
        decoded(bytes(data))


def test_pauses_of_amr_are_heard():
    sound = encode(bursts(1.0, seconds=2, rate=8_000), 8_000, "amr", "libopencore_amrnb")
    num_bytes = (13, 14, 16, 18, 20, 21, 27, 32)[sound[6] >> 3 & 7]
    head, frames = sound[:6], [sound[start : start + num_bytes] for start in range(6, len(sound), num_bytes)]
    pause = [b"\x44" + bytes(5), *[b"\x7c"] * 7] * 6  # comfort noise (mode 8), then nothing (mode 15)
    waveform = decoded(head + b"".join([*frames[:40], *pause, *frames[40:]]))
    assert burst_starts(waveform.samples)[-1] == pytest.approx(1.0 + 48 * 0.02, abs=0.05)


def test_damage_to_amr_does_not_become_pauses():
    data = bytearray(encode(bursts(1.0, 5.0, seconds=7, rate=8_000), 8_000, "3gp", "libopencore_amrnb"))
    middle = len(data) * 2 // 5
    data[middle : middle + 300] = b"\xff" * 300  # each byte alone would be a frame without sound
    assert burst_starts(decoded(bytes(data)).samples) == pytest.approx([1.0, 5.0], abs=0.1)


def test_an_avi_without_sound_is_named():
    with pytest.raises(UnsupportedAudio, match="no audio track: it is an AVI file with video alone"):
        decoded(tracks("avi", [], late=0.0))
