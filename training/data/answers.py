"""Build answers: the intervals of each kind, and the sentences that state them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.audio.waveform import SAMPLES_PER_TENTH
from model.timeline.interval import Interval
from model.timeline.markers import format_interval, format_time
from training.data.composer import PlacedEvent

NO_EVENTS = "No sound events are heard."
NO_SPEECH = "No speech is heard."
ABSENT = "The given query does not occur in the audio."
NOT_HEARD = "No, that is not heard."

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """How times are written: as markers, or as plain numbers for a language model without markers."""

    interval: Callable[[Interval], str] = format_interval
    time: Callable[[int], str] = format_time


MARKERS = TimeFormat()
"""`<a_0><f_2> - <a_1><a_2><f_5>`"""

PLAIN = TimeFormat(lambda i: f"{i.start_s:.1f} - {i.end_s:.1f}", lambda tenths: f"{tenths / 10:.1f}")
"""`0.2 - 12.5`"""


def event_interval(event: PlacedEvent, num_samples: int) -> Interval:
    """Return an event's interval in tenths of a second, at least one tenth long and inside the scene."""
    last = num_samples // SAMPLES_PER_TENTH
    start = min(round(event.start / SAMPLES_PER_TENTH), last - 1)
    return Interval(start, max(start + 1, min(round(event.end / SAMPLES_PER_TENTH), last)))


def by_kind(events: Sequence[PlacedEvent], num_samples: int) -> dict[str, list[Interval]]:
    """Return the intervals of each kind, ordered by first start. All unknown kinds (`unknown:zipper`) become one."""
    found: dict[str, list[Interval]] = {}
    for event in sorted(events, key=lambda e: (e.start, e.end)):
        found.setdefault(event.kind.partition(":")[0], []).append(event_interval(event, num_samples))
    return found


def ground_answer(intervals: Sequence[Interval], time_format: TimeFormat = MARKERS) -> str:
    """Return the grounding answer that names the intervals."""
    return f"The given query happens in {', '.join(map(time_format.interval, intervals))} seconds."
