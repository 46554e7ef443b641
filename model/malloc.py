"""Sets what glibc's malloc does with freed memory. Other C libraries keep their defaults."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
_LARGE = 2**20
"""Bytes of 16 s of samples. A model pass is nine times that."""
_MOST_IN_HEAP = 32 * 2**20
"""Largest threshold that mallopt(3) accepts for M_MMAP_THRESHOLD."""
_NEVER = 2**31 - 1


def return_large_blocks() -> None:
    """Make malloc return every block of 1 MiB or more to the system when it is freed.

    By default, glibc raises its threshold to the largest freed block and keeps freed samples in the heap of each thread
    that read or sent some.
    """
    _set(_M_MMAP_THRESHOLD, _LARGE)


def keep_freed_memory() -> None:
    """Make malloc keep the memory that a step frees. The next step of similar size then causes no page faults.

    Call it before the first large allocation.
    """
    _set(_M_MMAP_THRESHOLD, _MOST_IN_HEAP)
    _set(_M_TRIM_THRESHOLD, _NEVER)


def _set(option: int, value: int) -> None:
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(option, value)
