"""Decode the first audio track of a file into mono blocks at its own rate, step by step, so that limits apply early."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.packet import Packet

from model.audio.container import check_limits, first_track, open_container
from model.audio.integrity import ends_inside_frame, exact_duration_s
from model.errors import CorruptAudio, UnsupportedAudio

END_SLACK_S = 0.1
"""How much earlier than its header says a complete file may end, in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive mono samples: float32 [n], at `rate` samples per second."""

    samples: npt.NDArray[np.float32]
    rate: int


class AudioTrack:
    """The first audio track of a file, opened for one pass from its beginning. A context manager.

    Args:
        data: the whole file.
        max_decoded_bytes: the most bytes to decode, at the file's own rate and channels. It bounds the work.

    Raises:
        EmptyAudio, UnsupportedAudio, CorruptAudio: as for `open_container` and `first_track`.
    """

    def __init__(self, data: bytes, *, max_decoded_bytes: int) -> None:
        self._container = open_container(data)
        try:
            self._stream = first_track(self._container)
            self._whole_s = exact_duration_s(data, self._container, self._stream)
        except BaseException:
            self._container.close()
            raise
        self._max_decoded_bytes = max_decoded_bytes
        self._decoded_s = 0.0
        self._damage: str | None = None

    def __enter__(self) -> "AudioTrack":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def declared_s(self) -> float | None:
        """The length in seconds according to the header: only a hint, good enough for a message."""
        return self._container.duration / av.time_base if self._container.duration else None

    def blocks(self) -> Iterator[Block]:
        """Yield blocks of about a second. Channels are averaged; gaps between timestamps are closed.

        Raises:
            CorruptAudio: the file is damaged or cut short; the readable part has been yielded before.
            UnsupportedAudio: rate, channels or decoded bytes exceed a limit.
        """
        waiting: list[npt.NDArray[np.float32]] = []
        num_waiting, rate = 0, 0
        for piece in self._pieces():
            if waiting and (piece.rate != rate or num_waiting >= rate):
                yield Block(np.concatenate(waiting), rate)
                waiting, num_waiting = [], 0
            waiting.append(piece.samples)
            num_waiting += len(piece.samples)
            rate = piece.rate
        if waiting:
            yield Block(np.concatenate(waiting), rate)
        if self._damage:
            raise CorruptAudio(_describe(self._damage, self._decoded_s))

    def _pieces(self) -> Iterator[Block]:
        """Yield one block per decoded frame until the end, or until damage, which is recorded in `_damage`."""
        num_bytes = 0
        last: Packet[AudioStream] | None = None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
            except Exception:  # FFmpeg's errors, and Python's from its callbacks
                if self._is_whole():  # what follows the last frame is not audio
                    continue
                self._damage = "is damaged"
                return
            if packet is None:
                break
            last = packet if packet.size else last
            for frame in frames:
                num_channels = frame.layout.nb_channels
                check_limits(frame.sample_rate, num_channels)
                num_bytes += frame.samples * num_channels * frame.format.bytes
                if num_bytes > self._max_decoded_bytes:
                    raise UnsupportedAudio(_too_much(self._max_decoded_bytes))
                yield Block(_to_mono(frame), frame.sample_rate)
                self._decoded_s += frame.samples / frame.sample_rate
        if self._whole_s is None and self._container.format.name == "mp3" and last is not None:
            is_cut_short = ends_inside_frame(bytes(last))
        else:
            is_cut_short = self._whole_s is not None and not self._is_whole()
        if is_cut_short:  # FFmpeg reports no error
            self._damage = "is cut short"

    def _is_whole(self) -> bool:
        """Whether everything that the header promises has been decoded."""
        return self._whole_s is not None and self._decoded_s >= self._whole_s - END_SLACK_S


def _to_mono(frame: av.AudioFrame) -> npt.NDArray[np.float32]:
    """Average a frame's channels: float32 [samples], integers scaled to -1 to 1."""
    values = frame.to_ndarray()
    channels = values if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels).T
    mono: npt.NDArray[np.float32] = channels.mean(axis=0, dtype=np.float32)
    if values.dtype == np.uint8:
        return (mono - np.float32(128)) / np.float32(128)
    if np.issubdtype(values.dtype, np.integer):
        return mono * np.float32(2.0 ** (1 - 8 * values.dtype.itemsize))
    return mono


def _describe(damage: str, decoded_s: float) -> str:
    """Return the message for the sender; the time that it offers is never past what was decoded."""
    readable_s = int(decoded_s * 10) / 10
    if not readable_s:
        return f"The file {damage} at its beginning. Send an undamaged copy."
    return (
        f"The file {damage} after {readable_s:.1f} s. Send an undamaged copy, or analyse only what is readable: "
        f"end at {readable_s:.1f} s or before."
    )


def _too_much(max_decoded_bytes: int) -> str:
    return (
        f"The recording decodes to more than {max_decoded_bytes / 1e6:.0f} MB. Send less of it, fewer channels, "
        "or a lower sample rate: only 16 kHz mono is analysed."
    )
