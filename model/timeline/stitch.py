"""Long recordings as overlapping passes, and their answers as one. Pure; all times are integers in tenths.

Each pass is heard by itself, so that an event at a seam is told twice, in two wordings. Two events are one where they
overlap and say the same, or where they are about one thing at the same times; those that say it most alike are paired
first. What only one pass tells counts if that pass heard it away from its own edge.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from model.timeline.event import Event
from model.timeline.interval import Interval, set_iou, union

NEAR = 5
"""Tenths that two tellings of one event may lie apart."""
ALIKE = 0.5
"""Share of words, of all that either uses, that two wordings of one event have in common."""
SAME_TIMES = 0.5
"""IoU within the overlap from which on half of the shorter one's words are enough: both passes heard it there."""

_STEM = 4  # letters: "barks", "barking" and "barked" are one word
_EMPTY_WORDS = frozenset(
    {
        "a", "an", "the", "this", "that", "it", "its", "some", "someone", "something", "person", "there", "and", "or",
        "is", "are", "was", "were", "be", "being", "can", "could", "of", "in", "on", "off", "at", "to", "by", "with",
        "from", "for", "as", "over", "up", "down", "sound", "sounds", "noise", "hear", "heard", "loud", "loudly",
    }
)  # fmt: skip
"""Words that say nothing about which sound it is."""


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
        else:
            twins = _twins(self._open, found, lap)
            before = [
                _across(event, [found[later] for later, earlier in twins.items() if earlier == number], cut)
                for number, event in enumerate(self._open)
            ]
            after = [_across(None, [event], cut) for number, event in enumerate(found) if number not in twins]
        return [event for event in (*before, *after) if event is not None]


def _twins(first: Sequence[Event], second: Sequence[Event], lap: Interval) -> dict[int, int]:
    """Which events of a pass go on as which of the next, by their numbers: later -> earlier.

    Each goes on as one event, or as several that say the very same.
    """
    rated = [
        (*likeness, -earlier, -later)
        for earlier, a in enumerate(first)
        for later, b in enumerate(second)
        if (likeness := _likeness(a, b, lap)) is not None
    ]
    twins: dict[int, int] = {}
    for words, _, earlier, later in sorted(rated, reverse=True):
        if -later not in twins and (words == 1 or -earlier not in twins.values()):
            twins[-later] = -earlier
    return twins


def _likeness(first: Event, second: Event, lap: Interval) -> tuple[float, float] | None:
    """How much two events of neighbouring passes agree in words, and in times within the overlap; None: they differ."""
    words = alike(first.caption, second.caption)
    mine, other = _part(first, lap), _part(second, lap)
    times = set_iou(mine.intervals, other.intervals) if mine and other else 0.0
    if words >= ALIKE:
        about_lap = [i for i in second.intervals if i.start <= lap.end + NEAR]
        is_one = any(_is_near(i, about_lap) for i in first.intervals if i.end >= lap.start - NEAR)
    else:
        is_one = times >= SAME_TIMES and _about_one_thing(first.caption, second.caption)
    return (words, times) if is_one else None


def _across(event: Event | None, twins: Sequence[Event], cut: int) -> Event | None:
    """An event of a pass with what the next one tells of it; None where it is at its own pass's edge alone."""
    told = event.intervals if event else ()
    again = [interval for twin in twins for interval in twin.intervals]
    before = [i for i in told if i.start < cut or _is_near(i, again)]
    after = sorted(i for i in again if i.end > cut or _is_near(i, told))
    if before and after:
        last = max(before, key=lambda i: i.end)
        if 0 < after[0].start - last.end < NEAR:  # it goes on: the passes differ about the time
            after[0] = replace(after[0], start=last.end)
    caption = (event or twins[0]).caption
    both = union((*before, *after)) if before and after else before or after
    return Event(tuple(both), caption) if both else None


def _is_near(one: Interval, others: Iterable[Interval]) -> bool:
    return any(one.start - NEAR < other.end and other.start - NEAR < one.end for other in others)


def alike(first: str, second: str) -> float:
    """How much two captions have in common, 0 to 1."""
    mine, other = _stems(first), _stems(second)
    return len(mine & other) / len(mine | other) if mine | other else 1.0


def _about_one_thing(first: str, second: str) -> bool:
    """Whether they share half of the shorter one's words, as `A helicopter flies.` and `The rotor of a helicopter.`."""
    mine, other = _stems(first), _stems(second)
    return len(mine & other) >= ALIKE * max(1, min(len(mine), len(other)))


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
