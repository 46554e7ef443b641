"""Return freed memory to the operating system at once."""

import ctypes
import sys

LARGE = 1024 * 1024
"""Blocks of at least this many bytes (16 s of samples) get their own mapping. A model pass is nine times that."""

_M_MMAP_THRESHOLD = -3  # <malloc.h>


def return_large_blocks() -> None:
    """Make malloc return every block of `LARGE` bytes or more when it is freed.

    By default, glibc raises its threshold to the largest freed block (mallopt(3), M_MMAP_THRESHOLD) and keeps freed
    samples in the heap of each thread that read or sent some. Without glibc this does nothing.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, LARGE)
