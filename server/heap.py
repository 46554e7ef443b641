"""Memory that goes back to the system as soon as it is free."""

import ctypes
import sys

LARGE = 1024 * 1024
"""Bytes from which a block is mapped alone: 16 s of samples. A pass of the model is nine times that."""

_M_MMAP_THRESHOLD = -3  # <malloc.h>


def return_large_blocks() -> None:
    """Let every block of `LARGE` or more be given back when it is freed.

    Left alone, glibc raises its threshold to the largest block that was freed (mallopt(3), M_MMAP_THRESHOLD), and keeps
    freed samples in the heaps of each thread that ever read or sent any. Elsewhere than on glibc this does nothing.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, LARGE)
