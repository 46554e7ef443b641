"""Shift the date of a Python process by hours. Python imports this at startup if this folder is on its path.

The file named by JUMPING_DATE contains the number of hours, and may change at any time. Monotonic clocks do not change.
libfaketime would also shift the date of native code. But with its option that keeps the monotonic clock, version 0.9.10
breaks `time.sleep` (EINVAL from clock_nanosleep, Python 3.11) and so pools of processes.
"""

import os
import time
from pathlib import Path

_FILE = Path(os.environ["JUMPING_DATE"])
_time, _time_ns = time.time, time.time_ns


def _hours() -> float:
    return float(_FILE.read_text() or 0)


def _moved() -> float:
    return _time() + 3600 * _hours()


def _moved_ns() -> int:
    return _time_ns() + round(3600e9 * _hours())


time.time, time.time_ns = _moved, _moved_ns
