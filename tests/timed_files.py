"""Write audio files whose packets carry any timestamps, and wavs with any chunks."""

import io
import struct
from collections.abc import Callable

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
RATE = 48_000


def bursts(*starts: float, seconds: float, rate: int = RATE) -> Samples:
    """Return [1, samples]: silence with half a second of noise at each start, in seconds."""
    samples = np.zeros((1, round(seconds * rate)), np.float32)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, rate // 2).astype(np.float32)
    for start in starts:
        begin = round(start * rate)
        samples[0, begin : begin + len(noise)] = noise
    return samples


def burst_spans(samples: Samples, rate: int = 16_000) -> list[tuple[float, float]]:
    """Return where noise begins and ends, between at least 0.2 s of near silence, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    if not len(loud):
        return []
    pauses = np.flatnonzero(np.diff(loud) > 0.2 * rate)
    starts, ends = loud[[0, *(pauses + 1)]], loud[[*pauses, -1]]
    return [(start / rate, end / rate) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def burst_starts(samples: Samples, rate: int = 16_000) -> list[float]:
    """Return where noise begins after at least 0.2 s of near silence, in seconds."""
    return [start for start, _ in burst_spans(samples, rate)]


def retime(data: bytes, container: str, new_time: Callable[[float], float | None]) -> bytes:
    """Copy the packets of every track; `new_time` maps the seconds of an audio packet, None leaves it out."""
    file = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(file, "w", format=container) as output:
        tracks = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.pts is None:
                continue
            is_sound = packet.stream.type == "audio"
            packet.stream = tracks[packet.stream.index]
            if is_sound:
                seconds = new_time(float(packet.pts * packet.time_base))
                if seconds is None:
                    continue
                packet.pts = packet.dts = round(seconds / packet.time_base)
            output.mux(packet)
    return file.getvalue()


def tracks(
    container: str,
    sounds: list[tuple[Samples, str, bool]],
    rate: int = RATE,
    late: float | None = None,
    picture_codec: str = "mpeg4",
) -> bytes:
    """Return a file with several tracks: [channels, samples], encoder, and whether it is the default one.

    A grey picture of 3 s accompanies them if `late` is given: the seconds between its start and that of the sounds.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        picture = None
        if late is not None:
            picture = output.add_stream(picture_codec, rate=25)
            picture.width = picture.height = 64
            picture.pix_fmt = "yuv420p"
        streams = []
        for samples, codec, is_default in sounds:
            stream = output.add_stream(codec, rate=rate)
            stream.layout = "stereo" if len(samples) == 2 else "mono"
            stream.disposition = av.stream.Disposition.default if is_default else av.stream.Disposition(0)
            stream.format = stream.codec_context.codec.audio_formats[0].name
            stream.bit_rate = 96_000
            stream.codec_context.open()
            streams.append(stream)
        if picture is not None:
            for i in range(75):
                image = av.VideoFrame.from_ndarray(np.full((64, 64, 3), i, np.uint8), format="rgb24")
                image.pts = i
                output.mux(picture.encode(image))
            output.mux(picture.encode(None))
        for stream, (samples, _, _) in zip(streams, sounds, strict=True):
            kind, layout = stream.format.name, stream.layout.name
            cutter = av.AudioResampler(kind, layout, rate, frame_size=stream.codec_context.frame_size or 1024)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, round((late or 0.0) * rate)
            for piece in [*cutter.resample(frame), *cutter.resample(None), None]:
                output.mux(stream.encode(piece))
    return file.getvalue()


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<") -> bytes:
    """Return a RIFF chunk, which may claim another size than it has."""
    return name + struct.pack(order + "I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def wav(*chunks: bytes, kind: int = 1, bits: int = 16, rate: int = 16_000, order: str = "<") -> bytes:
    """Return a mono wav: its format, then the chunks. `order` ">" makes it RIFX."""
    form = struct.pack(order + "HHIIHH", kind, 1, rate, rate * bits // 8, bits // 8, bits)
    body = b"WAVE" + chunk(b"fmt ", form, order=order) + b"".join(chunks)
    return (b"RIFF" if order == "<" else b"RIFX") + struct.pack(order + "I", len(body)) + body
