"""Lay decoded sound out on the file's own clock, so that the time of a sample is the time that a player shows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from model.errors import CorruptAudio

SLACK_S = 0.02
"""How far timestamps may differ from the samples counted before anything is done: less than one packet."""

STEP_S = 0.1
"""The largest difference that is spread over the block before it (about a second, so a tenth faster or slower), as for
a clock that drifts. A larger one is a gap, which becomes silence, or an overlap, which is left out."""

JOIN_S = 1.0
"""A jump back by more than this is no overlap: another recording was joined to the first, and follows it directly."""

MAX_SILENCE_S = 3600
"""The most silence to add to one file, all its gaps together. A forged timestamp could ask for years."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Decoded sound: float32 [channels, n], at `rate` samples per second.

    Attributes:
        pts: the time of the first sample, in units of the track's time base; None if the file does not tell.
        follows_loss: whether something before it could not be decoded.
        gap: samples that are missing before it, where timestamps do not tell.
        page: the number of its page in Ogg; None in other files.
    """

    channels: Samples
    rate: int
    pts: int | None = None
    follows_loss: bool = False
    gap: int = 0
    page: int | None = None

    @property
    def num_samples(self) -> int:
        """The number of samples of each channel."""
        return self.channels.shape[1]


class Clock:
    """Count the samples laid out, and compare them with timestamps.

    Args:
        time_base: seconds per unit of the timestamps.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._origin: int | None = None
        self._rate = 0
        self._count = 0
        self._silence_s = Fraction(0)

    @property
    def seconds(self) -> float:
        """How much has been laid out."""
        return self._count / self._rate if self._rate else 0.0

    @property
    def silence_s(self) -> float:
        """How much silence has been added."""
        return float(self._silence_s)

    def lag(self, frame: Frame, origin: int | None) -> int:
        """Return how many samples the frame's timestamp is ahead of those laid out: negative if it is behind them.

        Args:
            frame: the next one.
            origin: the timestamp of time 0; None: that of the first frame. Read with the first timestamp only.
        """
        if frame.rate != self._rate:
            self._count = round(self._count * frame.rate / self._rate) if self._rate else 0
            self._rate = frame.rate
        if frame.pts is None:
            return 0
        if self._origin is None:
            self._origin = frame.pts if origin is None else origin
        lag = self._to_samples(frame.pts - self._origin) - self._count
        if lag < -JOIN_S * frame.rate:
            self._origin = frame.pts - round(Fraction(self._count, frame.rate) / self._time_base)
            return 0
        return lag

    def count(self, num_samples: int) -> None:
        """Lay out samples at the rate of the last frame."""
        self._count += num_samples

    def add_silence(self, num_samples: int) -> None:
        """Lay out silence, at the rate of the last frame.

        Raises:
            CorruptAudio: it is more than `MAX_SILENCE_S`.
        """
        self._silence_s += Fraction(num_samples, self._rate)
        if self._silence_s > MAX_SILENCE_S:
            raise CorruptAudio(
                f"The file's clock jumps ahead by {num_samples / self._rate:.0f} s after {self.seconds:.1f} s; at most "
                f"{MAX_SILENCE_S} s without sound are filled with silence. Send each part by itself, or end before it."
            )
        self._count += num_samples

    def _to_samples(self, pts: int) -> int:
        numerator, denominator = self._time_base.numerator * self._rate, self._time_base.denominator
        return (2 * pts * numerator + denominator) // (2 * denominator)


def origin_of(container: InputContainer, track: AudioStream) -> int | None:
    """Return the timestamp of time 0: where the first of the file's pictures and sounds begins, as in a player.

    None if the track is alone: then time 0 is its first sample.
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


def without_glitches(frames: Iterator[Frame], time_base: float) -> Iterator[Frame]:
    """Yield the frames, without the timestamp of one that jumps away alone: the frame after it tells.

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
    """Whether the frame is more than `STEP_S` away from where the last one ends (with another between them)."""
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
