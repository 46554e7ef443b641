"""Read by Python at its start where this folder is on its path: a date that is hours away from the kernel's.

How many stands in the file that JUMPING_DATE names, which may change at any moment. Monotonic clocks are left alone.
libfaketime would move the date for native code too, but in its version 0.9.10 `time.sleep` fails once it spares the
monotonic clock (EINVAL from clock_nanosleep, Python 3.11), and with it pools of processes.
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
