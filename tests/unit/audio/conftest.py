"""Real files in every kind of container, encoded on the fly from a signal that anyone can compute."""

import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

Samples = npt.NDArray[np.float32]

KINDS = {
    "wav": ("wav", "pcm_s16le", 44_100),
    "wav-24-bit": ("wav", "pcm_s24le", 48_000),
    "wav-8-bit": ("wav", "pcm_u8", 8_000),
    "wav-float": ("wav", "pcm_f32le", 22_050),
    "wav-a-law": ("wav", "pcm_alaw", 8_000),
    "aiff": ("aiff", "pcm_s16be", 44_100),
    "caf": ("caf", "pcm_s16le", 44_100),
    "w64": ("w64", "pcm_s16le", 44_100),
    "flac": ("flac", "flac", 44_100),
    "ogg-vorbis": ("ogg", "vorbis", 44_100),
    "ogg-opus": ("ogg", "libopus", 48_000),
    "webm-opus": ("webm", "libopus", 48_000),
    "mkv-flac": ("matroska", "flac", 44_100),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "m4a-aac": ("ipod", "aac", 44_100),
    "m4a-alac": ("ipod", "alac", 44_100),
}
"""Name -> container, encoder, samples per second."""


def chirp(seconds: float, rate: int, num_channels: int = 1) -> Samples:
    """[channels, samples]: a tone and a sweep below 1 kHz; each channel is 0.2 quieter than the one before."""
    t = np.arange(round(seconds * rate)) / rate
    mono = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * (300 * t + 40 * t * t))
    return np.stack([mono * (1 - 0.2 * i) for i in range(num_channels)]).astype(np.float32)


def encode(samples: Samples, rate: int, container: str, codec: str, options: dict[str, str] | None = None) -> bytes:
    """[channels, samples] as the bytes of a file. `options` go to the container."""
    num_channels = len(samples)
    layout = {1: "mono", 2: "stereo"}.get(num_channels, f"{num_channels}c")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sound")  # a file with a name, because moving an mp4's index to its front opens it again
        _write(path, samples, rate, layout, container, codec, options or {})
        return path.read_bytes()


def _write(
    path: Path, samples: Samples, rate: int, layout: str, container: str, codec: str, options: dict[str, str]
) -> None:
    with av.open(path, "w", format=container, options=options) as output:
        strict = {"strict": "-2"} if codec == "vorbis" else {}  # FFmpeg calls its own Vorbis encoder experimental
        stream = output.add_stream(codec, rate=rate, options=strict)
        stream.layout = layout
        kind = stream.codec_context.codec.audio_formats[0].name
        stream.format = kind
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        cutter = av.AudioResampler(kind, layout, rate, frame_size=stream.codec_context.frame_size or 4096)
        for piece in [*cutter.resample(frame), *cutter.resample(None), None]:
            output.mux(stream.encode(piece))


def silent_opus(seconds: int) -> bytes:
    """Hours of silence in a few bytes: one packet of 120 ms that says "nothing", again and again."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as output:
        stream = output.add_stream("libopus", rate=48_000, layout="mono", options={"frame_duration": "120"})
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 5760), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        silence = bytes(stream.encode(frame)[0])[:2]
        for i in range(round(seconds / 0.12)):
            packet = av.Packet(silence)
            packet.stream, packet.time_base = stream, Fraction(1, 48_000)
            packet.pts = packet.dts = i * 5760
            packet.duration = 5760
            output.mux(packet)
    return file.getvalue()


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """Every kind of file: 3 s of the stereo chirp."""
    return {kind: encode(chirp(3, rate, 2), rate, container, codec) for kind, (container, codec, rate) in KINDS.items()}


@pytest.fixture(scope="session")
def heard() -> Samples:
    """What should be heard in `files`: the mean of both channels at 16 kHz."""
    return chirp(3, 16_000, 2).mean(axis=0)


@pytest.fixture(name="chirp", scope="session")
def chirp_fixture() -> Callable[..., Samples]:
    return chirp


@pytest.fixture(name="encode", scope="session")
def encode_fixture() -> Callable[..., bytes]:
    return encode


@pytest.fixture(name="silent_opus", scope="session")
def silent_opus_fixture() -> Callable[[int], bytes]:
    return silent_opus
