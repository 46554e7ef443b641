"""Split long recordings into overlapping passes, and stitch the answers together. Times are integers in tenths.

Passes are analysed independently, so an event in an overlap is reported twice, in different words. Two events are the
same if they overlap and have similar captions, or if they are about one thing at the same times; the pairs with the
most similar captions are matched first. An event that only one pass reports counts if it is away from that pass's edge.
If both passes heard the whole of a sound but name it differently, the more confident name stays.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from model.timeline.event import Event
from model.timeline.interval import Interval, set_iou, union

NEAR = 5
"""The most tenths between two reports of one event."""
ALIKE = 0.5
"""The least share of words in common, out of all words in both captions, for two captions of one event."""
SAME_TIMES = 0.5
"""The least IoU within the overlap at which half of the shorter caption's words are enough for a match."""

_STEM = 4  # letters: "barks", "barking" and "barked" are one word
_EMPTY_WORDS = frozenset(
    {
        "a", "an", "the", "this", "that", "it", "its", "some", "someone", "something", "person", "there", "and", "or",
        "is", "are", "was", "were", "be", "being", "can", "could", "of", "in", "on", "off", "at", "to", "by", "with",
        "from", "for", "as", "over", "up", "down", "sound", "sounds", "noise", "hear", "heard", "loud", "loudly",
    }
)  # fmt: skip
"""Words that do not identify a sound."""


def plan(duration: int, *, longest: int, overlap: int) -> list[Interval]:
    """Cover `duration` with the fewest passes of at most `longest`, all equal; neighbours share at least `overlap`.

    A recording of up to `longest` is one pass. Passes of full length with a remainder would cost the same, but the
    short last pass would show the model an event without its context.

    Raises:
        ValueError: unless 0 < 2 * overlap <= longest.
    """
    if not 0 < 2 * overlap <= longest:
        raise ValueError(f"Passes of {longest} tenths cannot overlap by {overlap}: use at most half of their length.")
    if duration <= longest:
        return [Interval(0, duration)]
    number = -(-(duration - overlap) // (longest - overlap))
    length = -(-(duration + (number - 1) * overlap) // number)
    starts = [index * (duration - length) // (number - 1) for index in range(number)]
    return [Interval(start, start + length) for start in starts]


Join = Callable[[Sequence[Event], Sequence[Event], Interval], list[Event]]
"""Joins the events of two passes, in times of the file, given the overlap of the passes."""


class Stitcher:
    """Joins the events of passes, pass by pass in order.

    Args:
        passes: the result of `plan`.
        join: joins the events of two neighbouring passes.
    """

    def __init__(self, passes: Sequence[Interval], join: Join) -> None:
        self._passes = passes
        self._join = join
        self._number = 0
        self._open: list[Event] = []

    def add(self, events: Iterable[Event]) -> list[Event]:
        """Add the next pass's events, in times of that pass; return the final events, in times of the file.

        Intervals that reach into the overlap with the next pass become final only after that pass; an event that also
        has earlier intervals is returned in parts. The result is sorted by start.
        """
        here = self._passes[self._number]
        found = [event.shift(here.start) for event in events]
        if self._number:
            found = self._join(self._open, found, Interval(here.start, self._passes[self._number - 1].end))
        self._number += 1
        if self._number == len(self._passes):
            certain, self._open = found, []
        else:
            settled = self._passes[self._number].start - NEAR
            parts = [_split(event, settled) for event in found]
            certain = [event for event, _ in parts if event is not None]
            self._open = [event for _, event in parts if event is not None]
        return sorted(certain, key=_start)


def join_sounds(first: Sequence[Event], second: Sequence[Event], lap: Interval) -> list[Event]:
    """Join the sounds of two passes: those that both report once, the others where they are away from a pass's edge."""
    cut = lap.middle
    twins = _twins(first, second, lap)
    again = [[second[later] for later, earlier in twins.items() if earlier == number] for number in range(len(first))]
    alone = [event for event, some in zip(first, again, strict=True) if not some]
    new = [event for number, event in enumerate(second) if number not in twins]
    before = [
        _across(event, some, cut) if some else _alone(event, new, lap, cut)
        for event, some in zip(first, again, strict=True)
    ]
    after = [_alone(event, alone, lap, cut, later=True) for event in new]
    return [event for event in (*before, *after) if event is not None]


def join_sections(first: Sequence[Event], second: Sequence[Event], lap: Interval) -> list[Event]:
    """Join the sections of two passes: those of the first that begin before the overlap's middle, then the second's.

    A section that continues beyond the end of the first pass ends where the second pass heard it end.
    """
    cut = lap.middle
    before = sorted((event for event in first if _start(event) < cut), key=_start)
    begun = sorted((event for event in second if _start(event) < cut), key=_start)
    after = sorted((event for event in second if _start(event) >= cut), key=_start)
    if not before:
        return [*begun, *after]
    if begun and _start(begun[-1]) > before[-1].intervals[0].end - NEAR:
        before.append(begun.pop())  # the first pass heard it begin a little later, after `cut`
    last = before[-1].intervals[0]
    end = max(last.end, begun[-1].intervals[0].end) if begun else last.end
    if after:
        end = min(end, _start(after[0]))
    before[-1] = replace(before[-1], intervals=(replace(last, end=max(end, last.start + 1)),))
    return [*before, *after]


def _twins(first: Sequence[Event], second: Sequence[Event], lap: Interval) -> dict[int, int]:
    """Match the events of a pass to those of the next, by index: later -> earlier.

    An event matches one event of the next pass, or several with identical words.
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
    """Return how much two events of neighbouring passes agree in words and in times; None if they are not the same."""
    words = alike(first.caption, second.caption)
    mine, other = _part(first, lap), _part(second, lap)
    times = set_iou(mine.intervals, other.intervals) if mine and other else 0.0
    if words >= ALIKE:
        about_lap = [i for i in second.intervals if i.start <= lap.end + NEAR]
        is_one = any(_is_near(i, about_lap) for i in first.intervals if i.end >= lap.start - NEAR)
    else:
        is_one = times >= SAME_TIMES and _about_one_thing(first.caption, second.caption)
    return (words, times) if is_one else None


def _alone(event: Event, others: Sequence[Event], lap: Interval, cut: int, *, later: bool = False) -> Event | None:
    """Return an event that only one pass reports, with the intervals that count; `later` means the second pass.

    If both passes heard the whole of an interval but name it differently (`others`), only the more confident one
    counts, wherever in the overlap it is. The two must begin, and end, less than NEAR apart.
    """
    rivals = [i for other in others for i in other.intervals]
    kept = []
    for interval in sorted(event.intervals):
        if any(_is_inside(rival, lap) and _names_better(rival, interval) for rival in rivals):
            continue
        is_best = _is_inside(interval, lap) and any(_names_better(interval, rival) for rival in rivals)
        if is_best or (interval.end > cut if later else interval.start < cut):
            kept.append(interval)
    return Event(tuple(kept), event.caption) if kept else None


def _is_inside(interval: Interval, lap: Interval) -> bool:
    return interval.start > lap.start and interval.end < lap.end


def _names_better(rival: Interval, interval: Interval) -> bool:
    is_same = abs(interval.start - rival.start) < NEAR and abs(interval.end - rival.end) < NEAR
    return is_same and (interval.confidence or 0.0) < (rival.confidence or 0.0)


def _across(event: Event, twins: Sequence[Event], cut: int) -> Event | None:
    """Join an event with its matches in the next pass; None if it is reported only at its own pass's edge."""
    found = event.intervals
    again = [interval for twin in twins for interval in twin.intervals]
    before = [i for i in found if i.start < cut or _is_near(i, again)]
    after = sorted(i for i in again if i.end > cut or _is_near(i, found))
    if before and after:
        last = max(before, key=lambda i: i.end)
        if 0 < after[0].start - last.end < NEAR:  # one event that continues: the passes disagree about the time
            after[0] = replace(after[0], start=last.end)
    both = union((*before, *after)) if before and after else before or after
    return Event(tuple(both), event.caption) if both else None


def _is_near(one: Interval, others: Iterable[Interval]) -> bool:
    return any(one.start - NEAR < other.end and other.start - NEAR < one.end for other in others)


def alike(first: str, second: str) -> float:
    """Return how similar two captions are, 0 to 1."""
    mine, other = _stems(first), _stems(second)
    return len(mine & other) / len(mine | other) if mine | other else 1.0


def _about_one_thing(first: str, second: str) -> bool:
    """Whether both share half of the shorter one's words, as in `A helicopter flies.`, `The rotor of a helicopter.`."""
    mine, other = _stems(first), _stems(second)
    return len(mine & other) >= ALIKE * max(1, min(len(mine), len(other)))


def _stems(caption: str) -> set[str]:
    return {word[:_STEM] for word in re.findall(r"\w+", caption.lower()) if word not in _EMPTY_WORDS}


def _part(event: Event, span: Interval) -> Event | None:
    """Return the part of an event inside `span`."""
    cut = [
        replace(i, start=max(i.start, span.start), end=min(i.end, span.end)) for i in event.intervals if i.overlap(span)
    ]
    return Event(tuple(cut), event.caption) if cut else None


def _split(event: Event, time: int) -> tuple[Event | None, Event | None]:
    """Return the event's intervals that end by `time`, and the others. Intervals that touch stay together."""
    border = time + 1
    for interval in sorted(event.intervals, key=lambda interval: interval.end, reverse=True):
        if interval.end < border:
            break
        border = min(border, interval.start)
    early = tuple(interval for interval in event.intervals if interval.end < border)
    late = tuple(interval for interval in event.intervals if interval.end >= border)
    return Event(early, event.caption) if early else None, Event(late, event.caption) if late else None


def _start(event: Event) -> int:
    return min(interval.start for interval in event.intervals)
