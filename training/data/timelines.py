"""A timeline as a language model could be told it, window by window: what sounds, what begins, what ends, and when.

Where something begins stands also when it will end: a small language model learns to copy an event from one place long
before it learns to look for the end that belongs to a beginning. Finding it is left to the Q-Former's self-attention,
which sees one segment; so an event that goes on in the next segment ends with this one and begins again with that.
For the same reason the facts of a spoken section stand where the section begins, whenever they are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from model.config import MergeConfig
from model.connector.connector import segment_sizes
from model.connector.merge import budget
from training.data.composer import PlacedEvent

WINDOW_SAMPLES = 17 * 320
"""Samples in a window: 0.34 s."""

LAST_START = 738
"""Windows before which a shifted recording begins, so that its 30 windows find rows among the 768."""

TIME_WIDTH = 33
"""A time's digits, one-hot: hundreds (0 to 2), tens, ones, tenths."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a timeline tells of.

    Attributes:
        kinds: what has times: per window the share in which it sounds, whether it begins, whether it ends.
        facts: what may be told in an event of the kind `teller`: whether it is, where that begins.
    """

    kinds: tuple[str, ...]
    facts: tuple[str, ...] = ()
    teller: str = ""

    @property
    def width(self) -> int:
        """Numbers per window: activity, beginnings, ends, the digits of a time and of its end, facts."""
        return sum(self.blocks)

    @property
    def blocks(self) -> tuple[int, ...]:
        """How many numbers of a sort there are, in their order."""
        return (len(self.kinds),) * 3 + (TIME_WIDTH,) * 2 + (len(self.facts),)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A written timeline.

    Attributes:
        told: float32 [windows, width].
        landmarks: windows that merging must keep: where something begins or ends [windows].
    """

    told: Float[np.ndarray, "windows width"]
    landmarks: Bool[np.ndarray, " windows"]


@dataclass(frozen=True, slots=True)
class Edges:
    """Where events begin, and when they do so and end, as digits: hundreds of seconds, tens, ones, tenths.

    Attributes:
        windows: int64 [beginnings].
        begin, end: int64 [beginnings, 4].
    """

    windows: Int[np.ndarray, " beginnings"]
    begin: Int[np.ndarray, "beginnings 4"]
    end: Int[np.ndarray, "beginnings 4"]


def edges_of(timeline: Timeline, columns: Columns) -> Edges:
    """The beginnings that a written timeline tells of; of those of one window the last."""
    count = len(columns.kinds)
    windows = np.flatnonzero(timeline.told[:, count : 2 * count].any(axis=1))
    times = timeline.told[windows, 3 * count : 3 * count + 2 * TIME_WIDTH].reshape(len(windows), 2, TIME_WIDTH)
    digits = np.stack([part.argmax(axis=2) for part in np.split(times, (3, 13, 23), axis=2)], axis=2)
    return Edges(windows, digits[:, 0], digits[:, 1])


def written_timeline(
    events: Sequence[PlacedEvent],
    columns: Columns,
    num_samples: int,
    rng: np.random.Generator | None = None,
    *,
    first: int = 0,
) -> Timeline:
    """Per window: the share in which each kind sounds, which begin and end, digits of when, and of a beginning's end.

    Events are in samples from the first window, whose number on the recording's clock is `first`; those of other kinds
    are passed over. Where a window has several edges, the last beginning's digits stand. With `rng` all of it is a
    little doubted and blurred, as a net would hear it.
    """
    num_windows = -(-num_samples // WINDOW_SAMPLES)
    told = np.zeros((num_windows, columns.width), dtype=np.float32)
    landmarks = np.zeros(num_windows, dtype=bool)
    kinds, facts = ({name: place for place, name in enumerate(names)} for names in (columns.kinds, columns.facts))
    begin = 0
    for size in segment_sizes(num_windows, MergeConfig().per_windows):
        low, high = begin * WINDOW_SAMPLES, min((begin + size) * WINDOW_SAMPLES, num_samples)
        inside = [
            PlacedEvent(e.kind, max(e.start, low), min(e.end, high)) for e in events if e.start < high and e.end > low
        ]
        rows = slice(begin, begin + size)
        _write(told[rows], landmarks[rows], inside, kinds, low, first)
        for event in inside:
            tellers = [t.start for t in inside if t.kind == columns.teller and t.start <= event.start < t.end]
            if event.kind in facts and tellers:
                window = begin + (tellers[0] - low) // WINDOW_SAMPLES
                _tell(told[window, columns.width - len(facts) :], facts[event.kind], rng)
        begin += size
    if rng is not None:
        told = told * rng.uniform(0.7, 1.0) + rng.normal(0, 0.08, told.shape).astype(np.float32)
    return Timeline(told, landmarks)


def _tell(row: Float[np.ndarray, " facts"], place: int, rng: np.random.Generator | None) -> None:
    """A fact; as a net would hear it, perhaps beside another that is less likely."""
    row[place] = 1.0 if rng is None else rng.uniform(0.5, 1.0)
    if rng is not None and rng.random() < 0.3:
        other = int(rng.integers(len(row)))
        row[other] = max(row[other], 0.6 * rng.random() * row[place])


def _write(
    told: Float[np.ndarray, "windows width"],
    landmarks: Bool[np.ndarray, " windows"],
    events: Sequence[PlacedEvent],
    kinds: dict[str, int],
    low: int,
    first: int,
) -> None:
    """Activities, edges and digits of one segment that begins at sample `low`."""
    count, named = len(kinds), [e for e in events if e.kind in kinds]
    for event in named:
        place = kinds[event.kind]
        told[:, place] = np.maximum(told[:, place], _shares(event, low, len(told)))

    def digits(sample: int) -> Float[np.ndarray, "33"]:
        return _digits(round((first * WINDOW_SAMPLES + sample) / 1600))

    for edge in (2, 1):  # ends, then beginnings
        for event in named:
            sample = event.end if edge == 2 else event.start
            window = min((sample - low) // WINDOW_SAMPLES, len(told) - 1)
            told[window, edge * count + kinds[event.kind]] = 1
            told[window, 3 * count : 3 * count + TIME_WIDTH] = digits(sample)
            landmarks[window] = True
            if edge == 1:
                told[window, 3 * count + TIME_WIDTH : 3 * count + 2 * TIME_WIDTH] = digits(event.end)


def _shares(event: PlacedEvent, low: int, count: int) -> Float[np.ndarray, " windows"]:
    """The share of each of a segment's windows that an event fills."""
    edges = low + np.arange(count + 1) * WINDOW_SAMPLES
    inside = np.minimum(event.end, edges[1:]) - np.maximum(event.start, edges[:-1])
    return np.clip(inside / WINDOW_SAMPLES, 0, 1).astype(np.float32)


def merged_timeline(timeline: Timeline, rng: np.random.Generator, config: MergeConfig) -> Timeline:
    """What segment-level merging leaves of a written timeline, for a recording that is long enough for it.

    Landmarks are dominant, nearly always; the other dominant windows are drawn, and the rest become means of stretches.
    """
    if len(timeline.told) <= config.above_windows:
        return timeline
    rows, marks, begin = [], [], 0
    for size in segment_sizes(len(timeline.told), config.per_windows):
        told, landmarks = timeline.told[begin : begin + size], timeline.landmarks[begin : begin + size]
        dominant, contextual = budget(size, config)
        score = rng.random(size) + landmarks * (rng.random(size) < 0.97)
        order = np.argsort(-score)
        kept, rest = np.sort(order[:dominant]), np.sort(order[dominant:])
        stretches = [part for part in np.array_split(rest, contextual) if len(part)]
        place = np.concatenate([kept, [part[len(part) // 2] for part in stretches]])
        tokens = np.concatenate([told[kept], [told[part].mean(axis=0) for part in stretches]])
        in_time = np.argsort(place, kind="stable")
        rows.append(tokens[in_time])
        marks.append(landmarks[place.astype(int)][in_time])
        begin += size
    return Timeline(np.concatenate(rows).astype(np.float32), np.concatenate(marks))


def _digits(tenths: int) -> Float[np.ndarray, "33"]:
    """The one-hot digits of a time below 300 s."""
    row = np.zeros(TIME_WIDTH, dtype=np.float32)
    seconds = min(tenths // 10, 299)
    for place in (seconds // 100, 3 + seconds // 10 % 10, 13 + seconds % 10, 23 + tenths % 10):
        row[place] = 1
    return row
