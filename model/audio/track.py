"""Yields an audio track as mono blocks at its own rate, placed on the file's clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import numpy.typing as npt

from model.audio.clock import SLACK_S, STEP_S, Clock, Frame, silence, stretch, without_glitches
from model.audio.downmix import Downmix
from model.audio.packets import PacketReader, read_all
from model.audio.pages import place_gaps
from model.audio.scale import find_gain, is_uncertain
from model.errors import CorruptAudio

LOST_SHARE = 0.1
"""Largest share of undecodable packets in a recording that is still accepted."""

FEW_LOST = 3
"""Number of undecodable packets that is always accepted, even in a short recording."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive mono samples: float32 [n], at `rate` samples per second."""

    samples: Samples
    rate: int


class AudioTrack:
    """One audio track of one recording. A context manager.

    Args:
        data: the whole file.
        max_decoded_bytes: the most bytes to decode, at the file's own rate and channels. It bounds the work.
        track: its number, from 0; by default the track that a player plays, see `choose_track`.
        begins_s: its start in a file that joins several recordings, in seconds; used in messages.

    Raises:
        EmptyAudio, UnsupportedAudio, NoSuchTrack, CorruptAudio: as for `open_container` and `choose_track`.
    """

    def __init__(self, data: bytes, *, max_decoded_bytes: int, track: int | None = None, begins_s: float = 0.0) -> None:
        self._reader = PacketReader(data, max_decoded_bytes=max_decoded_bytes, track=track)
        self._gain = np.float32(1)
        if is_uncertain(self._reader.codec):
            pieces = read_all(data, max_decoded_bytes=max_decoded_bytes, track=track)
            self._gain = np.float32(find_gain(self._reader.codec, pieces))
        self._begins_s = begins_s
        self._downmix = Downmix()
        self._clock = Clock(self._reader.time_base, joins_ahead=self._reader.joins_ahead)
        self._first_loss_s: float | None = None
        self._repeated_s = 0.0
        self._stops_early = False
        self._waiting: list[Samples] = []
        self._num_waiting = self._rate = self._num_channels = 0

    def __enter__(self) -> "AudioTrack":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    @property
    def declared_s(self) -> float | None:
        """The length in seconds according to the header: only a hint, good enough for a message."""
        return self._reader.declared_s

    @property
    def num_bytes(self) -> int:
        """Bytes decoded so far."""
        return self._reader.num_bytes

    @property
    def seconds(self) -> float:
        """Seconds placed so far."""
        return self._clock.seconds

    def warnings(self) -> tuple[str, ...]:
        """Return a sentence for each thing that was left out or filled in so far, other tracks included."""
        said = []
        num_tracks = self._reader.num_tracks
        if num_tracks > 1:
            said.append(f"The file has {num_tracks} audio tracks; this is track {self._reader.track}, counted from 0.")
        if self._first_loss_s is not None:
            said.append(
                f"{self._reader.num_lost} of {self._reader.num_lost + self._reader.num_decoded} packets could not be "
                f"decoded, the first after {self._begins_s + self._first_loss_s:.1f} s; their sound is left out."
            )
        if self._clock.silence_s >= STEP_S:
            said.append(
                f"{self._clock.silence_s:.1f} s of silence were inserted where the file's timestamps have gaps."
            )
        if self._repeated_s >= STEP_S:
            said.append(f"{self._repeated_s:.1f} s of sound were left out where the file's timestamps go back.")
        if self._gain != 1:
            said.append("The samples were scaled to full scale: they hold integers in a wider format.")
        if self._stops_early:
            said.append(
                "The file ends abruptly, as an interrupted copy or recording does: sound after "
                f"{self._begins_s + self._clock.seconds:.1f} s may be missing."
            )
        return tuple(said)

    def blocks(self) -> Iterator[Block]:
        """Yield blocks of about a second on the file's own clock (see `Clock`), mixed to mono (see `Downmix`).

        Raises:
            CorruptAudio: the file is damaged or cut short; the readable part has been yielded before.
            UnsupportedAudio: rate, channels or decoded bytes exceed a limit.
        """
        time_base = float(self._reader.time_base)
        frames = self._reader.frames()
        if self._reader.is_ogg:
            frames = place_gaps(frames, time_base)
        for frame in without_glitches(frames, time_base):
            yield from self._lay_out(frame)
        yield from self._flush(0)
        reader = self._reader
        if reader.num_lost > max(FEW_LOST, LOST_SHARE * (reader.num_lost + reader.num_decoded)):
            raise CorruptAudio(_describe("is damaged", self._begins_s + (self._first_loss_s or 0.0)))
        damage = reader.find_damage()
        if damage:
            raise CorruptAudio(_describe(damage, self._begins_s + self._clock.seconds))
        self._stops_early = reader.stops_early()

    def _lay_out(self, frame: Frame) -> Iterator[Block]:
        """Add a frame to the blocks. Insert silence for a gap first, or drop an overlap."""
        if frame.rate != self._rate or len(frame.channels) != self._num_channels:
            yield from self._flush(0)
            self._rate, self._num_channels = frame.rate, len(frame.channels)
        if frame.follows_loss and self._first_loss_s is None:
            self._first_loss_s = self._clock.seconds
        is_first = not self._clock.seconds
        lag = self._clock.lag(frame, self._reader.origin) + frame.gap
        step = round(STEP_S * frame.rate)
        channels = frame.channels
        if lag > step or (lag > 0 and (is_first or frame.follows_loss)):
            yield from self._flush(0)
            self._clock.add_silence(lag)
            for zeros in silence(lag, frame.rate):
                yield Block(zeros, frame.rate)
        elif lag < -step:
            channels = channels[:, -lag:]
            self._repeated_s += min(-lag, frame.num_samples) / frame.rate
        elif self._num_waiting >= frame.rate:
            yield from self._flush(lag if abs(lag) > SLACK_S * frame.rate else 0)
        self._waiting.append(channels)
        self._num_waiting += channels.shape[1]
        self._clock.count(channels.shape[1])

    def _flush(self, lag: int) -> Iterator[Block]:
        """Yield the waiting frames as one block, stretched by `lag` samples."""
        waiting, num_waiting = self._waiting, self._num_waiting
        self._waiting, self._num_waiting = [], 0
        if num_waiting:
            channels = np.concatenate(waiting, axis=1)
            channels = channels if self._gain == 1 else channels * self._gain
            self._clock.count(lag)
            mono = np.ascontiguousarray(self._downmix.mix(channels, self._rate))
            yield Block(stretch(mono, num_waiting + lag), self._rate)


def _describe(damage: str, decoded_s: float) -> str:
    """Return the message for the sender; the time that it offers is never past what was decoded."""
    readable_s = int(decoded_s * 10) / 10
    if not readable_s:
        return f"The file {damage} at its beginning. Send an undamaged copy."
    return (
        f"The file {damage} after {readable_s:.1f} s. Send an undamaged copy, or analyse only what is readable: "
        f"end at {readable_s:.1f} s or before."
    )
