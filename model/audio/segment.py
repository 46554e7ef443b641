"""Split a waveform into 30 s segments, the length that both encoders were trained on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.audio.waveform import SAMPLE_RATE, Waveform

SEGMENT_SAMPLES = 30 * SAMPLE_RATE
"""Samples in a full segment: 480,000."""

FRAME_SAMPLES = SAMPLE_RATE // 50
"""Samples in one encoder frame: 320, or 20 ms."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A part of a waveform at its true length, without padding.

    Attributes:
        start: offset of the first sample in the waveform, in samples.
        samples: float32 [num_samples], a view of the waveform.
    """

    start: int
    samples: npt.NDArray[np.float32]

    @property
    def num_samples(self) -> int:
        """The number of samples: 480,000 in every segment but the last."""
        return len(self.samples)

    @property
    def num_frames(self) -> int:
        """The number of 20 ms frames that cover the samples; the last one may be partly filled."""
        return -(-self.num_samples // FRAME_SAMPLES)


def split(waveform: Waveform) -> list[Segment]:
    """Split the waveform into consecutive segments of 30 s; the last one holds the remainder.

    Every sample is in exactly one segment. In the released code, the speech encoder skips a tail under 5 s.

    Returns:
        The segments in time order; none for a waveform without samples.
    """
    return [
        Segment(start=start, samples=waveform.samples[start : start + SEGMENT_SAMPLES])
        for start in range(0, waveform.num_samples, SEGMENT_SAMPLES)
    ]
