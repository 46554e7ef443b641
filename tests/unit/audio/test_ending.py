"""Files that stop in the middle of their data give a warning; complete ones give none, whichever program wrote them."""

import io

import av
import numpy as np

from model.audio.decode import decode_audio
from tests.sound_files import encode
from tests.sound_kinds import KINDS
from tests.timed_files import RATE, Samples, burst_spans, bursts

WARNED = ("ogg", "flv", "mpegts", "avi", "asf", "ac3", "eac3", "wv")
TOLERANCES_S = {"wmav1": 0.08, "wmav2": 0.08}
SENTENCE = "The file ends abruptly, as an interrupted copy or recording does: sound after {:.1f} s may be missing."
SOUND = bursts(0.5, 5.0, seconds=6)


class Pipe:
    """A file that can only be written on."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def streamed(samples: Samples, container: str, codec: str) -> bytes:
    """Encode [1, samples] as `encode` does, through a pipe: no size is known before the end."""
    pipe = Pipe()
    data = encode(samples, RATE, container, codec)
    with av.open(io.BytesIO(data)) as source, av.open(pipe, "w", container) as output:
        track = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = track
                output.mux(packet)
    return bytes(pipe.data)


def cut(data: bytes) -> bytes:
    """Return about 6 tenths, which end inside a packet of a transport stream."""
    size = len(data) * 6 // 10
    return data[: size - size % 188 + 100]


def warnings(data: bytes, **options: float) -> tuple[str, ...]:
    return decode_audio(data, max_seconds=60.0, **options).warnings


def test_a_file_that_was_cut_is_analysed_with_a_warning():
    wrong = []
    for kind in [kind for kind in KINDS if kind.container in WARNED]:
        whole = kind.encode(bursts(0.5, 5.0, seconds=6.0, rate=kind.rate))
        part = decode_audio(cut(whole), max_seconds=60.0)
        begins, ends = burst_spans(part.samples)[0]
        has_warning = SENTENCE.format(part.duration_s) in part.warnings
        is_on_time = abs(begins - 0.5) + abs(ends - 1.0) < 2 * TOLERANCES_S.get(kind.codec, 0.03)
        if warnings(whole) or not has_warning or not is_on_time or part.duration_s > 5.5:
            wrong.append((kind, warnings(whole), part.warnings, begins, ends, part.duration_s))
    assert wrong == []


def test_the_same_through_a_pipe():
    numbers = {}
    for container, codec in [("avi", "mp2"), ("ogg", "libopus"), ("flv", "aac"), ("mpegts", "ac3")]:
        data = streamed(SOUND, container, codec)
        numbers[container] = [len(warnings(data)), len(warnings(cut(data)))]
    assert numbers == dict.fromkeys(numbers, [0, 1])
    for codec in ("libmp3lame", "ac3"):
        data = streamed(SOUND, "asf", codec)
        assert warnings(data) == warnings(cut(data)) == (), "an asf through a pipe does not say its size"


def test_what_is_behind_a_whole_file_is_no_part_of_it():
    wrong = []
    for container, codec in (("ogg", "flac"), ("wv", "wavpack"), ("flv", "aac"), ("mpegts", "mp2"), ("avi", "ac3")):
        data = encode(SOUND, RATE, container, codec)
        for tail in (b"TAG" + bytes(125), b"APETAGEX" + bytes(300), bytes(64), bytes(8), b"end\n"):
            if warnings(data + tail):
                wrong.append((container, tail))
    assert wrong == []


def test_ac3_of_every_rate():
    found = {}
    for rate in (32_000, 44_100, 48_000):
        data = encode(bursts(0.5, seconds=6, rate=rate), rate, "ac3", "ac3")
        found[rate] = [len(warnings(data)), len(warnings(cut(data)))]
    assert found == dict.fromkeys(found, [0, 1])


def test_a_transport_stream_with_bytes_between_the_packets():
    data = encode(SOUND, RATE, "mpegts", "mp2", {"mpegts_m2ts_mode": "1"})
    assert warnings(data) == ()
    assert len(warnings(data[: 192 * 900 + 100])) == 1
    assert warnings(data[: 192 * 900]) == ()


def test_ogg_without_the_mark_of_its_end_is_not_cut():
    data = encode(SOUND, RATE, "ogg", "flac")
    assert warnings(data[: data.rindex(b"OggS")]) == ()
    assert len(warnings(data[: data.rindex(b"OggS") + 20])) == 1


def test_each_recording_of_a_chained_ogg_has_warning():
    data = encode(SOUND, RATE, "ogg", "libopus")
    first = decode_audio(cut(data), max_seconds=60.0)
    assert warnings(data + data) == ()
    assert warnings(cut(data) + data) == first.warnings
    assert warnings(data + cut(data)) == (SENTENCE.format(6.0 + first.duration_s),)


def test_a_part_before_the_end_is_whole():
    assert warnings(cut(encode(SOUND, RATE, "flv", "libmp3lame")), end_s=1.5) == ()


def test_an_asf_that_ends_behind_its_sound_may_be_whole():
    for codec in ("wmav2", "libmp3lame"):
        data = encode(np.repeat(SOUND, 2, axis=0), RATE, "asf", codec)
        assert warnings(data + bytes(100)) == (), codec
