"""The progress and the cost of a batch, from measured rates."""

import time
from collections.abc import Callable, Mapping
from typing import Any

_HOUR_S = 3600.0
_REPORT_EVERY_S = 10.0


class RowCounts:
    """Counts the rows of this run. `price` is the cost of this machine per hour, in any currency."""

    def __init__(self, report: Callable[[str], object], *, price: float | None = None, skipped: int = 0) -> None:
        self.answered = self.failed = 0
        self.audio_s = 0.0
        self._skipped = skipped
        self._price = price
        self._report = report
        self._begun = self._reported_at = time.monotonic()

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row. Report each failure with its reason, and progress now and then."""
        if row["status"] == "ok":
            self.answered += 1
            self.audio_s += float(row["answer"]["audio"]["duration"])
        else:
            self.failed += 1
            self._report(f"{row['path']}: {row.get('detail') or row.get('error')}")
        if time.monotonic() - self._reported_at > _REPORT_EVERY_S:
            self._reported_at = time.monotonic()
            self._report(str(self))

    @property
    def hours_per_hour(self) -> float:
        """Hours of audio analysed per hour, measured so far."""
        return self.audio_s / max(time.monotonic() - self._begun, 1e-9)

    @property
    def cost(self) -> float | None:
        """The cost of 1,000 hours of audio at this rate; None without a price or before the first answer."""
        return None if self._price is None or not self.audio_s else 1000 * self._price / self.hours_per_hour

    def __str__(self) -> str:
        """Format as `120 answered, 3 failed, 40 done before: 2.1 h of audio at 85.3 h/h; 1,000 h cost 29.31`."""
        before = f", {self._skipped} done before" if self._skipped else ""
        cost = "" if self.cost is None else f"; 1,000 h cost {self.cost:.2f}"
        audio = f"{self.audio_s / _HOUR_S:.2f} h of audio at {self.hours_per_hour:.1f} h/h"
        return f"{self.answered} answered, {self.failed} failed{before}: {audio}{cost}"
