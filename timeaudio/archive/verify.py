"""Check the events of a search with a model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from timeaudio.archive.exports import by_recording
from timeaudio.archive.search import EventRow
from timeaudio.cli.run_analysis import reason
from timeaudio.errors import ClientError
from timeaudio.results import Interval

if TYPE_CHECKING:
    from timeaudio.cli.run_analysis import Backend

_AROUND_MS: Final = 5_000  # context before and after an event, which the model gets too
_LONGEST_MS: Final = 60_000  # longest part that is sent at once, unless a single event is longer


def verify(
    events: Iterable[EventRow],
    query: str,
    locate: Callable[[str], Path],
    backend: "Backend",
    complain: Callable[[str], object],
) -> Iterator[EventRow]:
    """Yield the events that overlap an interval in which the model finds the query.

    `complain` receives a message for each recording that cannot be read or analysed; its events are left out.
    """
    for path, found in by_recording(events):
        for part in _parts(found):
            start_s, end_s = max(0, part[0].start_ms - _AROUND_MS) / 1000, (_end_ms(part) + _AROUND_MS) / 1000
            try:
                answer = backend.ground(locate(path), [query], start=start_s, end=end_s)
            except (ClientError, OSError) as error:
                complain(f"{path}: {reason(error)}")
                continue
            confirmed = [interval for result in answer.results for interval in result.intervals]
            yield from (event for event in part if any(_overlap(event, interval) for interval in confirmed))


def _parts(events: Sequence[EventRow]) -> Iterator[list[EventRow]]:
    """Split the events of a recording, in order of time, into parts to analyse at once."""
    part: list[EventRow] = []
    for event in events:
        is_near = part and event.start_ms - _end_ms(part) <= 2 * _AROUND_MS
        if part and not (is_near and event.end_ms - part[0].start_ms <= _LONGEST_MS):
            yield part
            part = []
        part.append(event)
    yield part


def _end_ms(part: Sequence[EventRow]) -> int:
    return max(event.end_ms for event in part)


def _overlap(event: EventRow, interval: Interval) -> bool:
    return interval.start * 1000 < event.end_ms and event.start_ms < interval.end * 1000
