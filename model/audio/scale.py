"""Finds the factor for samples with the wrong scale: 16-bit values that were written as float or int32."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

LOUDEST = 8.0
"""Largest valid sample. Full scale is 1; a mix may exceed it, but not by 18 dB: that is a wrong scale, or damage."""

FAR_SHARE = 0.01
"""The share of samples beyond `LOUDEST`, among those that are not 0, from which the scale is wrong, ..."""

FEW_FAR = 100
"""... and how many samples there must be. Fewer are damage."""

_FULL_INT16 = 2.0**15
_INT16_AS_INT32 = (2.0**10 / 2**31, 2.0**15 / 2**31)
"""Peaks, as a share of full scale, of int32 samples that hold 16-bit values: -126 to -96 dB. Anything recorded so would
be silence, so nothing is lost by the assumption. Below them is dither."""

Samples = npt.NDArray[np.float32]


def is_uncertain(codec: str) -> bool:
    """Whether samples of this codec (FFmpeg's name) may be scaled in another way than they should."""
    return codec.startswith(("pcm_f", "pcm_s32"))


def find_gain(codec: str, pieces: Iterator[Samples]) -> float:
    """Return the factor that brings all samples of a recording to full scale 1; 1.0 if they are scaled as they should.

    A wrong scale that is not recognised is left alone: `LOUDEST` refuses it.
    """
    peak, num_far, num_sounding = 0.0, 0, 0
    for piece in pieces:
        sizes = np.abs(piece)
        if sizes.size:
            peak = float(np.maximum(peak, sizes.max()))  # Python's max would drop NaN
            num_far += int(np.count_nonzero(sizes > LOUDEST))
            num_sounding += int(np.count_nonzero(sizes))
    if codec.startswith("pcm_f"):
        is_int16 = num_far > max(FEW_FAR, FAR_SHARE * num_sounding) and peak <= 2 * _FULL_INT16
        return 1 / _FULL_INT16 if is_int16 else 1.0
    low, high = _INT16_AS_INT32
    return 2.0**16 if low <= peak <= high else 1.0
