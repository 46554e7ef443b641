"""Memory that a computing process keeps for its next step, instead of returning it to the system."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
_KEPT = 2**31 - 1
_HEAP_BLOCK = 32 * 2**20
"""Largest block that glibc lets a program keep in the heap (mallopt(3), M_MMAP_THRESHOLD)."""


def keep_freed_memory() -> None:
    """Let glibc reuse large freed blocks. By default it unmaps them, and every step faults its pages in again.

    A process that computes in steps of like size takes the same blocks again at once. Call it before the first large
    allocation. On other C libraries than glibc it does nothing.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _HEAP_BLOCK)
            mallopt(_M_TRIM_THRESHOLD, _KEPT)
