"""Filter updates by a least confidence. Pure functions."""

from collections.abc import Iterable
from dataclasses import replace

from model.timeline.event import Event
from model.timeline.interval import Interval
from server.engine.protocol import Answered, Found, Update


def is_sure(interval: Interval, least: float) -> bool:
    """Whether to keep the interval; 0 keeps everything, otherwise unknown confidence is dropped."""
    return not least or (interval.confidence is not None and interval.confidence >= least)


def sure(update: Update, least: float) -> Update | None:
    """Return the update without intervals below `least`; None for an event that has none left.

    The text of an answer stays unchanged.
    """
    if not least:
        return update
    match update:
        case Found(index, event):
            return next((Found(index, left) for left in _left([event], least)), None)
        case Answered():
            events = tuple(_left(update.events, least))
            return replace(update, events=events, present=update.present and bool(events))
        case _:
            return update


def _left(events: Iterable[Event], least: float) -> Iterable[Event]:
    for event in events:
        if kept := tuple(interval for interval in event.intervals if is_sure(interval, least)):
            yield Event(kept, event.caption)
