"""Finds the factor for samples with the wrong scale: integers that were written as float, or as wider integers."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

LOUDEST = 8.0
"""Largest valid sample. Full scale is 1; a mix may exceed it, but not by 18 dB: that is a wrong scale, or damage."""

FAR_SHARE = 0.01
"""The scale is wrong if more than this share of the samples other than 0, and more than `FEW_FAR`, exceed `LOUDEST`."""

FEW_FAR = 100
"""Up to this many samples beyond `LOUDEST` are damage, not a wrong scale."""

_INTEGERS = (8, 16, 24, 32)
"""Bits of the integers that float samples may hold."""

_INT16_AS_INT32 = (2.0**10 / 2**31, 2.0**15 / 2**31)
"""Peaks, as a share of full scale, of int32 samples that hold 16-bit values: -126 to -96 dB. A recording that is really
this quiet is silence, so the assumption loses nothing. Peaks below this range are dither."""

_INT24_AS_INT32 = 2.0**23 / 2**31
"""Largest peak of int32 samples that hold 24-bit values: -48 dB. A quiet recording may stay below it too, but
converters have at most 24 bits, and leave the lowest 8 bits of its samples 0."""

Samples = npt.NDArray[np.float32]


def is_uncertain(codec: str) -> bool:
    """Whether samples of this codec (FFmpeg's name) may have the wrong scale."""
    return codec.startswith(("pcm_f", "pcm_s32"))


def find_gain(codec: str, pieces: Iterator[Samples]) -> float:
    """Return the factor that brings all samples of a recording to full scale 1; 1.0 if their scale is right.

    A wrong scale that is not recognised is left alone: decoding refuses samples beyond `LOUDEST`.
    """
    peak, num_far, num_sounding, uses_lowest = 0.0, 0, 0, False
    for piece in pieces:
        sizes = np.abs(piece)
        if sizes.size:
            peak = float(np.maximum(peak, sizes.max()))  # Python's max would drop NaN
            num_far += int(np.count_nonzero(sizes > LOUDEST))
            num_sounding += int(np.count_nonzero(sizes))
            if peak <= _INT24_AS_INT32:  # beyond it, float32 has no such bits
                uses_lowest |= bool(np.any(np.mod(sizes * np.float32(2**31), 256)))
    if codec.startswith("pcm_f"):
        if num_far <= max(FEW_FAR, FAR_SHARE * num_sounding):
            return 1.0
        return next((2.0 ** (1 - bits) for bits in _INTEGERS if peak <= 2.0**bits), 1.0)
    low, high = _INT16_AS_INT32
    if low <= peak <= high:
        return 2.0**16
    return 2.0**8 if high < peak <= _INT24_AS_INT32 and uses_lowest else 1.0
