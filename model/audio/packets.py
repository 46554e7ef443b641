"""Read and decode the packets of one audio track. A packet that cannot be decoded does not end the recording."""

from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream

from model.audio.clock import Frame, joins_ahead, origin_of, pictures_to_watch
from model.audio.container import check_limits, choose_track, open_container, open_decoder
from model.audio.ending import stops_early
from model.audio.integrity import exact_duration_s, is_cut_short
from model.audio.pages import page_at
from model.audio.scale import LOUDEST
from model.errors import UnsupportedAudio

END_SLACK_S = 0.1
"""The sound of a complete file may end this many seconds earlier than its header says."""

MOST_READ_ERRORS = 100
"""Number of container errors after which the rest of the file is skipped."""

_WITHOUT_CLOCK = ("mp3", "aac", "ac3", "eac3", "amr", "wav", "w64", "aiff", "au", "caf")
"""Containers without timestamps. FFmpeg derives them by counting packets, including those that are not audio."""

_AMR_PADDING = 0x83
"""Bits of the first byte of a frame of AMR that must be 0 (RFC 4867, section 5.3)."""

_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
"""Tags that may stand between the frames of MPEG audio."""


Samples = npt.NDArray[np.float32]


class PacketReader:
    """Reads one audio track, once, from its beginning. A context manager.

    Args:
        data: the whole file.
        max_decoded_bytes: the most bytes to decode, at the file's own rate and channels. It bounds the work.
        track: see `choose_track`.

    Attributes:
        track: the number of the track, from 0.
        num_tracks: the number of audio tracks in the file.
        num_bytes: bytes decoded so far.
        num_decoded, num_lost: decoded packets, and packets that could not be decoded but have a decoded one after them.
        origin: timestamp of time 0; None means the first frame's. Final once the first frame has been yielded.

    Raises:
        EmptyAudio, UnsupportedAudio, NoSuchTrack, CorruptAudio: as for `open_container` and `choose_track`.
    """

    def __init__(self, data: bytes, *, max_decoded_bytes: int, track: int | None = None) -> None:
        self._data = data
        self._max_decoded_bytes = max_decoded_bytes
        self._container = open_container(data)
        try:
            self._stream = choose_track(self._container, track)
            self._decoder = open_decoder(self._stream)
            self._whole_s = exact_duration_s(data, self._container, self._stream)
            self.origin = origin_of(self._container, self._stream)
            self._pictures = pictures_to_watch(self._container)
        except BaseException:
            self._container.close()
            raise
        indices = [stream.index for stream in self._container.streams.audio]
        self.track, self.num_tracks = indices.index(self._stream.index), len(indices)
        self.codec = self._stream.codec_context.name
        self.is_ogg = self._container.format.name == "ogg"
        self.joins_ahead = joins_ahead(self._container)
        self._is_lossy = not self.codec.startswith(("pcm", "wavpack"))
        self.time_base = self._stream.time_base or Fraction(1, av.time_base)
        self._unit_s = float(self.time_base)
        self.num_bytes = self.num_decoded = self.num_lost = 0
        self._has_clock = self._container.format.name not in _WITHOUT_CLOCK
        self._waiting: list[tuple[int, int | None]] = []  # bytes and times of packets, lost if a decoded one follows
        self._last_packet, self._last_start, self._last_end = b"", 0, 0
        self._sizes = self._squares = self._packet_samples = 0
        self._sound_s = self._end_s = 0.0

    def __enter__(self) -> "PacketReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def declared_s(self) -> float | None:
        """The length in seconds according to the header: only a hint, good enough for a message."""
        return self._container.duration / av.time_base if self._container.duration else None

    def frames(self) -> Iterator[Frame]:
        """Yield the frames that each packet decodes to.

        Raises:
            UnsupportedAudio: rate, channels or decoded bytes exceed a limit.
        """
        for packet in self._packets():
            try:
                frames = self._decode(packet)
            except Exception:  # FFmpeg's errors, and those of `_decode`
                if bytes(packet).startswith(_TAGS):
                    continue
                self._waiting.append((packet.size, packet.pts))
                frames = []
            if packet.size:
                self._last_packet = bytes(packet)
            if packet.size and packet.pos:
                self._last_start, self._last_end = packet.pos, packet.pos + packet.size
            if frames:
                yield from self._finish(packet, frames)

    def find_damage(self) -> str | None:
        """Return a description of the damage, or None if no damage was found. Call it after the last frame."""
        is_whole = self._whole_s is not None and max(self._sound_s, self._end_s) >= self._whole_s - END_SLACK_S
        if is_whole:  # what follows the last frame is not sound
            return None
        if self._waiting:
            is_cut = len(self._waiting) == 1 and self.stops_early()  # only a part of the last packet is there
            return None if is_cut else "is damaged"
        cut = is_cut_short(self._data, self._container, self._stream, self._last_packet, self._last_end)
        return "is cut short" if cut else None

    def stops_early(self) -> bool:
        """Whether the file stops in the middle of its data. Call it after the last frame."""
        return stops_early(self._data, self._container.format.name, self._last_packet, self._last_start)

    def _packets(self) -> "Iterator[Packet[AudioStream]]":
        """Yield all packets, then an empty one. Continue after an error of the container."""
        for _ in range(MOST_READ_ERRORS):
            try:
                packets: Iterator[Any] = self._container.demux(self._stream, *self._pictures)
                for packet in packets:
                    if packet.stream_index != self._stream.index:
                        self._begin_with(packet)
                    elif packet.size or packet.dts is None:  # an empty one in the middle would end the decoder
                        self._pictures = []
                        yield packet
            except Exception:  # FFmpeg's errors, and Python's from its callbacks
                continue
            return
        self._waiting.append((0, None))

    def _begin_with(self, picture: "Packet[VideoStream]") -> None:
        """Move time 0 to a picture that comes before the first sound."""
        if self._pictures and picture.pts is not None:
            start = round(picture.pts * picture.time_base / self.time_base)
            self.origin = start if self.origin is None else min(self.origin, start)

    def _decode(self, packet: "Packet[AudioStream]") -> list[tuple[av.AudioFrame, Samples]]:
        """Decode a packet to frames, each with its samples [channels, n].

        Raises:
            FFmpegError: it cannot be decoded.
            ArithmeticError: it decodes to values that no encoder was given, or it is not a frame of AMR.
        """
        decoded = []
        if packet.size and self.codec.startswith("amr") and bytes(packet)[0] & _AMR_PADDING:
            raise ArithmeticError("damage that decodes to pauses")
        for frame in self._decoder.decode(packet if packet.size else None):
            channels = _to_channels(frame)
            if self._is_lossy and channels.size and not max(channels.max(), -channels.min()) <= LOUDEST:
                raise ArithmeticError("damage that decodes to noise")
            decoded.append((frame, channels))
        return decoded

    def _finish(self, packet: "Packet[AudioStream]", frames: list[tuple[av.AudioFrame, Samples]]) -> Iterator[Frame]:
        """Yield the frames of a packet, the first with its time and with what was lost before it."""
        gap = self._lost_samples() if self._waiting else 0
        if self._waiting and self._has_clock and not self.num_decoded and self.origin is None:
            self.origin = self._waiting[0][1]
        follows_loss = bool(self._waiting)
        page = page_at(self._data, packet.pos, self.codec) if self.is_ogg else None
        self.num_lost += len(self._waiting)
        self._waiting.clear()
        for i, (frame, channels) in enumerate(frames):
            num_channels = frame.layout.nb_channels
            check_limits(frame.sample_rate, num_channels)
            self.num_bytes += frame.samples * num_channels * frame.format.bytes
            if self.num_bytes > self._max_decoded_bytes:
                raise UnsupportedAudio(_too_much(self._max_decoded_bytes))
            pts = frame.pts if self._has_clock and i == 0 else None
            self._sound_s += frame.samples / frame.sample_rate
            if pts is not None:
                self._end_s = pts * self._unit_s
            self._end_s += frame.samples / frame.sample_rate
            is_first = i == 0
            yield Frame(channels, frame.sample_rate, pts, follows_loss and is_first, gap if is_first else 0, page)
        self.num_decoded += 1
        if packet.size:
            self._sizes += packet.size
            self._squares += packet.size**2
            self._packet_samples = sum(frame.samples for frame, _ in frames)

    def _lost_samples(self) -> int:
        """Estimate the number of lost samples from the lost bytes, in a container without a clock.

        A damaged byte is more likely to be in a large packet, so the mean packet size is weighted by size.
        """
        if self._has_clock or not self._squares:
            return 0
        return sum(size for size, _ in self._waiting) * self._packet_samples * self._sizes // self._squares


def read_all(data: bytes, *, max_decoded_bytes: int, track: int | None = None) -> Iterator[Samples]:
    """Yield the track's samples [channels, n] without its clock. Stop before the limit, so that no error is raised."""
    with PacketReader(data, max_decoded_bytes=max_decoded_bytes, track=track) as reader:
        for frame in reader.frames():
            yield frame.channels
            if reader.num_bytes > max_decoded_bytes // 2:
                return


def _to_channels(frame: av.AudioFrame) -> Samples:
    """Return a frame's channels: float32 [channels, samples], integers scaled to -1 to 1."""
    values = frame.to_ndarray()
    channels = values if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.float32:  # most codecs: nothing to convert, and files have thousands of packets
        unchanged: Samples = channels.astype(np.float32, copy=False)
        return unchanged
    with np.errstate(over="ignore"):  # too large a double becomes infinity, which is refused later
        scaled: Samples = channels.astype(np.float32)
    if values.dtype == np.uint8:
        return (scaled - np.float32(128)) / np.float32(128)
    if np.issubdtype(values.dtype, np.integer):
        return scaled * np.float32(2.0 ** (1 - 8 * values.dtype.itemsize))
    return scaled


def _too_much(max_decoded_bytes: int) -> str:
    return (
        f"The recording decodes to more than {max_decoded_bytes / 1e6:.0f} MB. Send less of it, fewer channels, "
        "or a lower sample rate: only 16 kHz mono is analysed."
    )
