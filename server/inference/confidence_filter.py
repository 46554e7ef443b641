"""Filters answers by minimum confidence. Pure functions."""

from collections.abc import Iterable
from dataclasses import replace

from model.timeline.event import Event
from model.timeline.interval import Interval
from server.workers.protocol import EventFound, QueryAnswered, Update


def is_confident(interval: Interval, minimum: float) -> bool:
    """Whether to keep the interval; 0 keeps everything, otherwise unknown confidence is dropped."""
    return not minimum or (interval.confidence is not None and interval.confidence >= minimum)


def filter_update(update: Update, minimum: float) -> Update | None:
    """Return the update without intervals below `minimum`; None for an event that has none left.

    The text of an answer stays unchanged.
    """
    if not minimum:
        return update
    match update:
        case EventFound(index, event):
            return next((EventFound(index, left) for left in _left([event], minimum)), None)
        case QueryAnswered():
            events = tuple(_left(update.events, minimum))
            return replace(update, events=events, present=update.present and bool(events))
        case _:
            return update


def _left(events: Iterable[Event], minimum: float) -> Iterable[Event]:
    for event in events:
        if kept := tuple(interval for interval in event.intervals if is_confident(interval, minimum)):
            yield Event(kept, event.caption)
