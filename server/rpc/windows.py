"""From what overlapping windows hear to what is told: each interval once, and whole. Pure; times are tenths.

Windows of width W follow each other every W / 2. A window has the last word on what ends before three quarters of it:
the next window hears the rest again, and from its start. So an interval is told at most 3/4 W after it ended, and an
interval that goes on for many windows is told when it ends, from its first start.

    window 1   |---------------*-------|            * its last word
    window 2               |---------------*-------|
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from model.timeline.interval import Interval

_SAME_END: Final = 5
"""Tenths by which two windows may differ about an end that was told already: the difference is not worth an event."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An interval of something; `key` says of what."""

    key: str
    interval: Interval


class Windows:
    """The windows of one stream, in order.

    Args:
        is_same: whether two keys say the same.
    """

    def __init__(self, is_same: Callable[[str, str], bool]) -> None:
        self._is_same = is_same
        self._open: list[Heard] = []
        self._told: list[Heard] = []

    def add(self, begin: int, last_word: int | None, found: Iterable[Heard]) -> list[Heard]:
        """What can be told once the window that begins at `begin` was heard. Its last word is None at the stream's end.

        `found` is on the stream's clock.
        """
        going_on, self._open = self._open, []
        # What ended well before this window cannot be heard again.
        self._told = [told for told in self._told if told.interval.end > begin]
        final: list[Heard] = []
        for heard in sorted(found, key=lambda h: (h.interval.start, h.interval.end)):
            whole = self._joined(heard, going_on)
            fresh = self._untold(whole)
            if fresh is None:
                continue
            if last_word is not None and fresh.interval.end > last_word:
                self._open.append(fresh)
            else:
                final.append(fresh)
        final += going_on  # this window does not hear them: they are as the one before heard them
        final.sort(key=lambda h: (h.interval.start, h.interval.end))
        self._told += final
        return final

    def _untold(self, heard: Heard) -> Heard | None:
        """The part of an interval that was not told; None where that is nothing, or too little to be news."""
        start, end = heard.interval.start, heard.interval.end
        for told in self._told:
            if self._is_same(told.key, heard.key) and _touch(told.interval, heard.interval):
                if end <= told.interval.end + _SAME_END:
                    return None
                start = max(start, told.interval.end)
        return Heard(heard.key, replace(heard.interval, start=start))

    def _joined(self, heard: Heard, going_on: list[Heard]) -> Heard:
        """An interval together with those of the window before that it continues, which leave `going_on`.

        Its key is that of the first of them: what something was called when it began.
        """
        before = [
            other
            for other in going_on
            if self._is_same(other.key, heard.key) and _touch(other.interval, heard.interval)
        ]
        for other in before:
            going_on.remove(other)
        first = min([*before, heard], key=lambda h: h.interval.start)
        return Heard(first.key, replace(first.interval.until(heard.interval), end=heard.interval.end))


def _touch(one: Interval, other: Interval) -> bool:
    return one.start <= other.end and other.start <= one.end
