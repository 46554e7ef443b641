"""The date of a recording."""

import contextlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final

# 20260601_053000.WAV and SITE7_20260601_053000.wav, as field recorders write; also 2026-06-01 05-30-00.
_STAMP: Final = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[T _-]?(\d\d)[-_.:h]?(\d\d)[-_.:m]?(\d\d)(?!\d)"
)


def recorded_at(path: Path) -> str | None:
    """Return when a file was recorded, as `2026-06-01T05:30:00` without a time zone; None if it is gone or has no date.

    It is the date in the file's name or, without one, the time of its last change on this machine's clock.
    """
    for stamp in _STAMP.finditer(path.stem):
        with contextlib.suppress(ValueError):  # digits that are not a date
            return datetime.strptime("".join(stamp.groups()), "%Y%m%d%H%M%S").isoformat()
    try:
        return datetime.fromtimestamp(int(os.stat(path).st_mtime)).isoformat()
    except (OSError, OverflowError, ValueError):  # gone, or a time beyond the year 9999, which damaged disks have
        return None
