"""Generate audio files of any kind."""

import io
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


def encode(samples: Samples, rate: int, container: str, codec: str, options: dict[str, str] | None = None) -> bytes:
    """Encode [channels, samples] as a file. `options` are options of the container."""
    num_channels = len(samples)
    layout = {1: "mono", 2: "stereo"}.get(num_channels, f"{num_channels}c")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sound")  # needs a name: moving the index of an mp4 to the front reopens it
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
        if codec.startswith("wma"):
            stream.bit_rate = 96_000  # these encoders reject the default
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        cutter = av.AudioResampler(kind, layout, rate, frame_size=stream.codec_context.frame_size or 4096)
        for piece in [*cutter.resample(frame), *cutter.resample(None), None]:
            output.mux(stream.encode(piece))


def silent_opus(seconds: int) -> bytes:
    """Return long silence as a small file: one silent packet of 120 ms, repeated."""
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
