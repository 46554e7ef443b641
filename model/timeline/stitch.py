"""Long recordings as overlapping passes, and their answers as one. Pure; all times are integers in tenths.

Each pass is heard by itself, so that an event at a seam is told twice, in two wordings. Two events are one where they
overlap and say the same; what only one pass tells counts if that pass heard it away from its own edge.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from model.timeline.event import Event
from model.timeline.interval import Interval, union

NEAR = 5
"""Tenths that two tellings of one event may lie apart."""
ALIKE = 0.5
"""Share of words, of all that either uses, that two wordings of one event have in common."""

_STEM = 4  # letters: "barks", "barking" and "barked" are one word
_EMPTY_WORDS = frozenset({"a", "an", "the", "is", "are", "was", "of", "in", "on", "and", "to", "it", "there", "some"})


def plan(duration: int, *, longest: int, overlap: int) -> list[Interval]:
    """As few passes as cover `duration`, none longer than `longest`, as even as can be; neighbours share `overlap`.

    A recording of up to `longest` is one pass. Unlike passes of full length with a rest, these cost no more and leave
    no short one, in which the model would hear an event without what surrounds it.

    Raises:
        ValueError: unless 0 < 2 * overlap <= longest.
    """
    if not 0 < 2 * overlap <= longest:
        raise ValueError(f"Passes of {longest} tenths cannot share {overlap}.")
    if duration <= longest:
        return [Interval(0, duration)]
    number = -(-(duration - overlap) // (longest - overlap))
    length = -(-(duration + (number - 1) * overlap) // number)
    starts = [index * (length - overlap) for index in range(number)]
    return [Interval(start, min(duration, start + length)) for start in starts]


class Stitcher:
    """Puts the events of passes together, pass by pass in order.

    Args:
        passes: as `plan` made them.
        clips: whether a timeline's consecutive parts are put together, which are cut in the middle of each overlap.
    """

    def __init__(self, passes: Sequence[Interval], *, clips: bool = False) -> None:
        self._passes = passes
        self._clips = clips
        self._number = 0
        self._open: list[Event] = []

    def add(self, events: Iterable[Event]) -> list[Event]:
        """What is certain after the next pass, whose events these are on the pass's own clock; on the file's clock.

        Events that reach into the overlap with the pass after it are certain only then. Sorted by their beginning.
        """
        here = self._passes[self._number]
        found = [event.shift(here.start) for event in events]
        if self._number:
            found = self._joined(found, Interval(here.start, self._passes[self._number - 1].end))
        self._number += 1
        if self._number == len(self._passes):
            certain, self._open = found, []
        else:
            seam = self._passes[self._number].start
            certain = [event for event in found if _end(event) <= seam - NEAR]
            self._open = [event for event in found if _end(event) > seam - NEAR]
        return sorted(certain, key=_start)

    def _joined(self, found: list[Event], lap: Interval) -> list[Event]:
        cut = (lap.start + lap.end) // 2
        if self._clips:
            before = [_part(event, Interval(0, cut)) for event in self._open]
            after = [_part(event, Interval(cut, self._passes[-1].end)) for event in found]
            return [event for event in (*before, *after) if event is not None]
        joined: list[Event] = []
        left = list(found)
        for event in self._open:
            twins = [other for other in left if _is_same(event, other, lap)]
            for twin in twins:
                left.remove(twin)
                event = Event(tuple(union((*event.intervals, *twin.intervals))), event.caption)
            if twins or _start(event) < cut:
                joined.append(event)
        return joined + [event for event in left if _end(event) > cut]


def _is_same(first: Event, second: Event, lap: Interval) -> bool:
    """Whether two events of neighbouring passes are one: alike in words, and together somewhere in the overlap."""
    return alike(first.caption, second.caption) >= ALIKE and any(
        a.start - NEAR < b.end and b.start - NEAR < a.end
        for a in first.intervals
        for b in second.intervals
        if a.end >= lap.start - NEAR and b.start <= lap.end + NEAR
    )


def alike(first: str, second: str) -> float:
    """How much two captions have in common, 0 to 1."""
    mine, other = _stems(first), _stems(second)
    return len(mine & other) / len(mine | other) if mine | other else 1.0


def _stems(caption: str) -> set[str]:
    return {word[:_STEM] for word in re.findall(r"\w+", caption.lower()) if word not in _EMPTY_WORDS}


def _part(event: Event, span: Interval) -> Event | None:
    """What of it lies in `span`."""
    cut = [
        replace(i, start=max(i.start, span.start), end=min(i.end, span.end)) for i in event.intervals if i.overlap(span)
    ]
    return Event(tuple(cut), event.caption) if cut else None


def _start(event: Event) -> int:
    return min(interval.start for interval in event.intervals)


def _end(event: Event) -> int:
    return max(interval.end for interval in event.intervals)
