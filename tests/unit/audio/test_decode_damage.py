"""Damaged, truncated and fake files raise only our own errors, and no other file is opened."""

import ctypes
import io
import os
import re
import sys

import av
import numpy as np
import pytest

from model.audio.container import open_container
from model.audio.decode import decode_audio
from model.errors import CorruptAudio, UnsupportedAudio
from tests.fuzz.attack import attack_decoder

CUT_SHORT = ("flac", "webm-opus", "mkv-flac", "mp3", "m4a-aac", "m4a-alac", "aiff")


def test_a_truncated_file_is_rejected(files):
    said = {}
    for kind in CUT_SHORT:
        for part in (0.3, 0.5, 0.9):
            try:
                decode_audio(files[kind][: int(len(files[kind]) * part)], max_seconds=10.0)
            except CorruptAudio as error:
                said[kind, part] = str(error)
            else:
                said[kind, part] = "nothing"
    assert {case: text for case, text in said.items() if not re.search("damaged|cut short", text)} == {}


def test_the_readable_part_of_a_truncated_file_can_be_decoded(files, expected_samples):
    for kind in ("flac", "mp3", "webm-opus"):
        cut = files[kind][: len(files[kind]) // 2]
        with pytest.raises(CorruptAudio, match=r"after 1\.\d s.*end at 1\.\d s or before") as caught:
            decode_audio(cut, max_seconds=10.0)
        readable_s = float(str(caught.value).split("after ")[1].split(" s")[0])
        part = decode_audio(cut, max_seconds=10.0, end_s=readable_s).samples
        assert len(part) == round(readable_s * 16_000), kind
        assert np.sqrt(np.mean((part - expected_samples[: len(part)]) ** 2)) < 0.02, kind


def test_an_mp3_without_a_frame_count_is_truncated_if_its_last_frame_is(chirp, encode):
    data = encode(chirp(3, 44_100), 44_100, "mp3", "libmp3lame", {"write_xing": "0"})
    assert decode_audio(data, max_seconds=10.0).duration_s == pytest.approx(3, abs=0.08)
    with pytest.raises(CorruptAudio, match="cut short after"):
        decode_audio(data[: len(data) // 2], max_seconds=10.0)


def test_an_mp4_with_the_index_first_is_recognized_as_truncated(chirp, encode):
    data = encode(chirp(3, 44_100), 44_100, "ipod", "aac", {"movflags": "faststart"})
    with pytest.raises(CorruptAudio, match="after 1"):
        decode_audio(data[: len(data) // 2], max_seconds=10.0)


def test_data_after_the_last_frame_of_an_mp3_is_not_damage(files):
    tails = {"id3": b"TAG" + b"x" * 125, "zeros": bytes(3000), "ape": b"APETAGEX" + bytes(500)}
    found = {name: decode_audio(files["mp3"] + tail, max_seconds=10.0).duration_s for name, tail in tails.items()}
    assert found == dict.fromkeys(tails, pytest.approx(3, abs=0.01))


def test_damage_to_most_of_the_file_is_reported_with_its_time(files):
    data = bytearray(files["mp3"])
    for place in range(len(data) // 2, len(data) - 2000, 1200):
        data[place : place + 600] = bytes(600)
    with pytest.raises(CorruptAudio, match=r"damaged after 1\.\d s"):
        decode_audio(bytes(data), max_seconds=10.0)


def test_a_file_that_is_not_audio_is_unsupported():
    random = np.random.default_rng(1).integers(0, 256, 50_000, dtype=np.uint8).tobytes()
    for data in (b"These are words.\n" * 50, b"x", bytes(5000), b"%PDF-1.7\n" * 90, b"\x89PNG\r\n\x1a\n", random):
        with pytest.raises(UnsupportedAudio, match="Send wav, flac"):
            decode_audio(data, max_seconds=10.0)


def video(codecs, seconds=1):
    """Return an mp4 video of a grey picture, with or without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        picture = output.add_stream("mpeg4", rate=25)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        sound = output.add_stream("aac", rate=16_000, layout="mono") if "aac" in codecs else None
        for i in range(25 * seconds):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), i, np.uint8), format="rgb24")
            frame.pts = i
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000 * seconds), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return file.getvalue()


def test_the_sound_of_a_video_is_decoded_if_it_has_any():
    assert decode_audio(video({"mpeg4", "aac"}), max_seconds=10.0).duration_s == pytest.approx(1, abs=0.1)
    with pytest.raises(UnsupportedAudio, match="no audio track"):
        decode_audio(video({"mpeg4"}), max_seconds=10.0)


LISTS = {
    "ffconcat": "ffconcat version 1.0\nfile '{path}'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{path}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=x:{path}\n",
    "dash": '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>{path}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.skipif(sys.platform != "linux", reason="inotify, which reports opened files, exists only on Linux")
def test_a_playlist_is_unsupported_and_opens_no_file(files, tmp_path):
    path = tmp_path / "secret.wav"
    path.write_bytes(files["wav"])
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    try:
        in_access_or_open = 0x21
        assert libc.inotify_add_watch(watch, os.fsencode(path), in_access_or_open) > 0
        for text in LISTS.values():
            with pytest.raises(UnsupportedAudio):
                decode_audio(text.format(path=path).encode(), max_seconds=10.0)
            with pytest.raises(BlockingIOError):  # nothing opened the file
                os.read(watch, 4096)
        data = LISTS["ffconcat"].format(path=path).encode()
        with av.open(io.BytesIO(data), options={"safe": "0"}) as container:
            assert sum(frame.samples for frame in container.decode(audio=0)) == 3 * 44_100
        assert os.read(watch, 4096), "FFmpeg without restrictions does open it, and the watch reports that"
    finally:
        os.close(watch)


def test_damaged_files_give_sound_or_our_errors():
    """A short run of `make fuzz`: an error that offers the readable part must keep its promise."""
    report = attack_decoder(range(300), seed=0)
    assert report.kept == []
    assert {"decoded", "CorruptAudio", "UnsupportedAudio"} <= set(report.answers)


def test_even_an_allowed_playlist_could_not_open_a_file(files, tmp_path, monkeypatch):
    """A second line of defence: no protocol is available to open a file."""
    monkeypatch.setattr("model.audio.container.CONTAINERS", ("concat", "wav"))
    (tmp_path / "secret.wav").write_bytes(files["wav"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsupportedAudio):
        open_container(b"ffconcat version 1.0\nfile secret.wav\n")
