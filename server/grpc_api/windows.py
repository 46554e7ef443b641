"""Merges the intervals of overlapping windows, so that each is reported once and whole. Pure; times are tenths.

Windows of width W start every W / 2. A window is final for intervals that end in its first three quarters; the next
window covers the rest again. So an interval is reported at most 3/4 W after it ended, and one that spans many windows
is reported when it ends, with its original start.

    window 1   |---------------*-------|            * end of its final part
    window 2               |---------------*-------|
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from model.timeline.interval import Interval

_SAME_END: Final = 5
"""An interval that was already reported and grows by at most this many tenths is not reported again."""


@dataclass(frozen=True, slots=True)
class WindowInterval:
    """An interval; `key` identifies what it belongs to."""

    key: str
    interval: Interval


class WindowMerger:
    """The windows of one stream, in order.

    Args:
        is_same: whether two keys mean the same.
    """

    def __init__(self, is_same: Callable[[str, str], bool]) -> None:
        self._is_same = is_same
        self._open: list[WindowInterval] = []
        self._sent: list[WindowInterval] = []

    def add(self, begin: int, final_end: int | None, found: Iterable[WindowInterval]) -> list[WindowInterval]:
        """Return the intervals that are final after the window that starts at `begin`.

        Args:
            begin: start of the window.
            final_end: end of the window's final part; None at the end of the stream.
            found: the window's intervals, on the stream's clock.
        """
        continuing, self._open = self._open, []
        # An interval that ended before this window cannot be found again.
        self._sent = [earlier for earlier in self._sent if earlier.interval.end > begin]
        final: list[WindowInterval] = []
        for current in sorted(found, key=lambda h: (h.interval.start, h.interval.end)):
            whole = self._joined(current, continuing)
            fresh = self._new_part(whole)
            if fresh is None:
                continue
            if final_end is not None and fresh.interval.end > final_end:
                self._open.append(fresh)
            else:
                final.append(fresh)
        final += continuing  # not found in this window, so they are final as the previous window found them
        final.sort(key=lambda h: (h.interval.start, h.interval.end))
        self._sent += final
        return final

    def _new_part(self, current: WindowInterval) -> WindowInterval | None:
        """Return the part of an interval that was not reported yet; None if that is empty or negligible."""
        start, end = current.interval.start, current.interval.end
        for earlier in self._sent:
            if self._is_same(earlier.key, current.key) and _touch(earlier.interval, current.interval):
                if end <= earlier.interval.end + _SAME_END:
                    return None
                start = max(start, earlier.interval.end)
        return WindowInterval(current.key, replace(current.interval, start=start))

    def _joined(self, current: WindowInterval, continuing: list[WindowInterval]) -> WindowInterval:
        """Join an interval with those of the previous window that it continues, and remove them from `continuing`.

        The result has the key of the earliest one.
        """
        before = [
            other
            for other in continuing
            if self._is_same(other.key, current.key) and _touch(other.interval, current.interval)
        ]
        for other in before:
            continuing.remove(other)
        first = min([*before, current], key=lambda h: h.interval.start)
        return WindowInterval(first.key, replace(first.interval.until(current.interval), end=current.interval.end))


def _touch(one: Interval, other: Interval) -> bool:
    return one.start <= other.end and other.start <= one.end
