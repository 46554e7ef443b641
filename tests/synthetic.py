"""The synthetic sound defined in `tests/parity/data/README.md`."""

import numpy as np
import numpy.typing as npt

CLIPS = {"s10": (10.0, 12345), "s6": (6.4, 777), "d62": (62.3, 12345)}
"""Name -> seconds and seed."""


def clip(name: str) -> npt.NDArray[np.int16]:
    """Return one of `CLIPS`."""
    return sound(*CLIPS[name])


def sound(seconds: float, seed: int) -> npt.NDArray[np.int16]:
    """Return a sound as [samples] at 16 kHz."""
    n = np.arange(round(seconds * 16_000), dtype=np.int64)
    t = n / 16_000
    u = (1103515245 * n + seed) % 2**31
    u = ((u >> 8) * 2654435761 % 2**32) / 2**31 - 1
    sweep = 0.2 * np.sin(2 * np.pi * (300 * t + 40 * t**2))
    x = 0.3 * np.sin(2 * np.pi * 220 * t) * (1 + np.sin(2 * np.pi * 0.5 * t)) / 2 + sweep + 0.05 * u
    return np.round(x * 32767).astype(np.int16)
