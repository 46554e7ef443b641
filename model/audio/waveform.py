"""The audio format of this package: mono float32 at 16 kHz."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Samples per second of everything that `decode_audio` returns."""

SAMPLES_PER_TENTH = SAMPLE_RATE // 10
"""Samples in a tenth of a second, the unit of every interval."""


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Mono sound at 16 kHz.

    Lengths are counted in samples; seconds are derived from them, never from a file's header.

    Attributes:
        samples: float32 [num_samples], nominally within -1 to 1.
        warnings: what was left out or filled in while decoding, in sentences.

    Raises:
        ValueError: `samples` is not a float32 vector.
    """

    samples: npt.NDArray[np.float32]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise ValueError(f"A waveform needs float32 [num_samples], not {self.samples.dtype} {self.samples.shape}.")

    @property
    def num_samples(self) -> int:
        """The number of samples."""
        return len(self.samples)

    @property
    def duration_s(self) -> float:
        """Length in seconds, unrounded."""
        return self.num_samples / SAMPLE_RATE

    @property
    def duration_tenths(self) -> int:
        """Length in whole tenths of a second, rounded down so that no interval ends after the sound; at least 1."""
        return max(1, self.num_samples // SAMPLES_PER_TENTH)
