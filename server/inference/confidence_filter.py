"""Filters answers by minimum confidence. Pure functions."""

from collections.abc import Iterable
from dataclasses import replace

from model.engine.updates import Answered, Found, ParsedAnswer
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.workers.protocol import Update


def is_confident(interval: Interval, minimum: float) -> bool:
    """Whether to keep the interval; 0 keeps everything, otherwise unknown confidence is dropped."""
    return not minimum or (interval.confidence is not None and interval.confidence >= minimum)


def filter_update(update: Update, minimum: float) -> Update | None:
    """Return the update without intervals below `minimum`; None for an event that has none left."""
    match update:
        case Found(index, event):
            return next((Found(index, left) for left in _left([event], minimum)), None)
        case Answered():
            return replace(update, answer=filter_answer(update.answer, minimum))
        case _:
            return update


def filter_answer(answer: ParsedAnswer, minimum: float) -> ParsedAnswer:
    """Return the answer without intervals below `minimum`. Its text stays unchanged."""
    return replace(answer, events=tuple(_left(answer.events, minimum))) if minimum else answer


def _left(events: Iterable[Event], minimum: float) -> Iterable[Event]:
    for event in events:
        if kept := tuple(interval for interval in event.intervals if is_confident(interval, minimum)):
            yield Event(kept, event.caption)
