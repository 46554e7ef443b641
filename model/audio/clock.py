"""Places decoded samples on the file's own clock, so that each has the time that a player shows for it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from model.errors import CorruptAudio

SLACK_S = 0.02
"""Largest difference between timestamps and counted samples that is ignored: less than one packet."""

STEP_S = 0.1
"""Largest difference that counts as drift. The block before it, about a second, is stretched or compressed.
A larger difference is a gap, which becomes silence, or an overlap, which is dropped."""

JOIN_S = 10.0
"""A larger jump back means that the file joins two recordings, as in FFmpeg. The second one then follows the first
directly."""

RESTART_S = 1.0
"""A jump back by more than this also joins two recordings if it lands less than this after the beginning: the clock has
started again."""

MAX_SILENCE_S = 3600
"""Most silence to insert into one file, over all gaps. A forged timestamp could demand years of it."""

_BROADCAST = ("mpegts", "mpeg")
"""Containers made to be joined: each part has the clock of its sender, so a long jump ahead is a join too."""

_WITHOUT_STARTS = ("matroska,webm", "asf")
"""Containers in which FFmpeg does not know when a video track with reordered frames, as in H.264, begins. It then
reports that the video begins with the sound."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OggPage:
    """A page of Ogg: its number, and the time of its end in samples if the codec states it."""

    number: int
    end: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Decoded sound: float32 [channels, n], at `rate` samples per second.

    Attributes:
        pts: time of the first sample, in units of the track's time base; None if unknown.
        follows_loss: whether a packet directly before it could not be decoded.
        gap: estimated number of samples missing before it, for files without timestamps.
        page: its Ogg page; None in other files.
    """

    channels: Samples
    rate: int
    pts: int | None = None
    follows_loss: bool = False
    gap: int = 0
    page: OggPage | None = None

    @property
    def num_samples(self) -> int:
        """The number of samples of each channel."""
        return self.channels.shape[1]


class Clock:
    """Counts the samples placed so far and compares the count with timestamps.

    Args:
        time_base: seconds per unit of the timestamps.
        joins_ahead: whether a jump ahead by more than `MAX_SILENCE_S` joins two recordings, as a jump back does.
    """

    def __init__(self, time_base: Fraction, *, joins_ahead: bool = False) -> None:
        self._time_base = time_base
        self._joins_ahead = joins_ahead
        self._origin: int | None = None
        self._begin = 0  # timestamp of the first frame of this recording
        self._rate = 0
        self._count = 0
        self._silence_s = Fraction(0)

    @property
    def seconds(self) -> float:
        """Seconds placed so far."""
        return self._count / self._rate if self._rate else 0.0

    @property
    def silence_s(self) -> float:
        """Seconds of silence inserted so far."""
        return float(self._silence_s)

    def lag(self, frame: Frame, origin: int | None) -> int:
        """Return by how many samples the frame's timestamp is ahead of the samples placed so far; negative if behind.

        Args:
            frame: the next frame.
            origin: timestamp of time 0; None means the first frame's. Only used with the first timestamp.
        """
        if frame.rate != self._rate:
            self._count = round(self._count * frame.rate / self._rate) if self._rate else 0
            self._rate = frame.rate
        if frame.pts is None:
            return 0
        if self._origin is None:
            self._origin = frame.pts if origin is None else origin
            self._begin = frame.pts
        lag = self._to_samples(frame.pts - self._origin) - self._count
        if self._joins(frame, lag):
            self._origin = frame.pts - round(Fraction(self._count, frame.rate) / self._time_base)
            self._begin = frame.pts
            return 0
        return lag

    def _joins(self, frame: Frame, lag: int) -> bool:
        """Whether the frame begins another recording."""
        if lag < 0:
            restarts = lag < -RESTART_S * frame.rate and (frame.pts or 0) < self._begin + RESTART_S / self._time_base
            return restarts or lag < -JOIN_S * frame.rate
        return self._joins_ahead and lag > MAX_SILENCE_S * frame.rate

    def count(self, num_samples: int) -> None:
        """Place samples, at the rate of the last frame."""
        self._count += num_samples

    def add_silence(self, num_samples: int) -> None:
        """Place silence, at the rate of the last frame.

        Raises:
            CorruptAudio: it is more than `MAX_SILENCE_S`.
        """
        self._silence_s += Fraction(num_samples, self._rate)
        if self._silence_s > MAX_SILENCE_S:
            raise CorruptAudio(
                f"The file's timestamps jump ahead by {num_samples / self._rate:.0f} s after {self.seconds:.1f} s, and "
                f"silence fills at most {MAX_SILENCE_S} s. Send each part by itself, or set end before the jump."
            )
        self._count += num_samples

    def _to_samples(self, pts: int) -> int:
        numerator, denominator = self._time_base.numerator * self._rate, self._time_base.denominator
        return (2 * pts * numerator + denominator) // (2 * denominator)


def origin_of(container: InputContainer, track: AudioStream) -> int | None:
    """Return the timestamp of time 0: the earliest start of all audio and video tracks, as in a player.

    Return None for a file with a single track: its time 0 is its first sample.
    """
    others = [
        stream
        for stream in container.streams
        if stream.type in ("audio", "video") and not stream.disposition & Disposition.attached_pic
    ]
    if len(others) < 2 or track.time_base is None:
        return None
    starts = [
        stream.start_time * stream.time_base
        for stream in others
        if stream.start_time is not None and stream.time_base is not None
    ]
    return round(min(starts) / track.time_base) if starts else None


def joins_ahead(container: InputContainer) -> bool:
    """Whether a long jump ahead joins two recordings in this container, instead of being a gap."""
    return container.format.name in _BROADCAST


def pictures_to_watch(container: InputContainer) -> list[VideoStream]:
    """Return the video tracks whose start only their packets tell. For these, `origin_of` may be too late."""
    if container.format.name not in _WITHOUT_STARTS:
        return []
    return [picture for picture in container.streams.video if not picture.disposition & Disposition.attached_pic]


def without_glitches(frames: Iterator[Frame], time_base: float) -> Iterator[Frame]:
    """Yield the frames; drop the timestamp of a single frame that jumps while the frame after it does not.

    Args:
        frames: with timestamps.
        time_base: seconds per unit of the timestamps.
    """
    last: Frame | None = None
    held: Frame | None = None
    for frame in frames:
        if held is not None:
            if last is not None and _jumps(last, held, time_base) and not _jumps(last, frame, time_base, held):
                held = replace(held, pts=None)
            yield held
            last = held if held.pts is not None else None
        held = frame
    if held is not None:
        yield held


def _jumps(last: Frame, frame: Frame, time_base: float, between: Frame | None = None) -> bool:
    """Whether the frame begins more than `STEP_S` from the end of `last`, or of `between` if that follows `last`."""
    if last.pts is None or frame.pts is None:
        return False
    num_samples = last.num_samples + (between.num_samples if between else 0)
    return abs((frame.pts - last.pts) * time_base - num_samples / last.rate) > STEP_S


def stretch(samples: Samples, num_samples: int) -> Samples:
    """Return the samples played a little slower or faster, so that there are `num_samples` (linear interpolation)."""
    if num_samples == len(samples) or not len(samples):
        return samples
    places = np.arange(num_samples) * (len(samples) / num_samples)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def silence(num_samples: int, rate: int) -> Iterator[Samples]:
    """Yield zeros, a second at a time."""
    second = np.zeros(rate, np.float32)
    for start in range(0, num_samples, rate):
        yield second[: min(rate, num_samples - start)]
