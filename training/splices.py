"""Longer recordings out of stored short ones: their frames, cut where nothing sounds and laid into quiet stretches.

The encoders need most of the time that features take, and hear a sound in a scene of 10 s as in a longer one. So every
step can hear other recordings of minutes, and kinds as often as counting needs. What it cannot show, an event that goes
on over a segment's end and a recording's one noise, the recordings composed at that length do.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.data.composer import PlacedEvent
from training.data.features import FRAME_SAMPLES, FeatureSet
from training.data.words import WORDS

APART = 30
"""Frames of silence between two groups of events, and between two sounds of a kind that are to be counted: 0.6 s."""
MARGIN = (8, 40)
"""Frames that are kept before and after what sounds, if they are there."""
COUNTED_SHARE = 0.3
"""Share of recordings in which one kind is heard one to five times, equally often, beside a few others."""
TEN_SHARE = 0.8
"""Share of those in which it is one of the ten best-known kinds."""
LONGEST_COUNTED = 260
"""Frames of the longest sound that is counted."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Events of one stored recording that nothing sounds around: frames [low, high) hold them, [first, last) only just.

    Attributes:
        place: of the recording in its set.
        events: in samples of the recording.
    """

    place: int
    low: int
    first: int
    last: int
    high: int
    events: tuple[PlacedEvent, ...]


def cuts_of(place: int, events: Sequence[PlacedEvent], num_frames: int) -> list[Cut]:
    """The groups of a recording's events that lie `APART`, by start."""
    groups: list[list[PlacedEvent]] = []
    end = 0
    for event in sorted(events, key=lambda e: e.start):
        if not groups or event.start >= end + APART * FRAME_SAMPLES:
            groups.append([])
        groups[-1].append(event)
        end = max(end, event.end)
    edges = [(g[0].start // FRAME_SAMPLES, -(-max(e.end for e in g) // FRAME_SAMPLES)) for g in groups]
    low = [0, *(last + MARGIN[0] for _, last in edges[:-1])]
    high = [*(first - MARGIN[0] for first, _ in edges[1:]), num_frames]
    return [
        Cut(place, low[n], first, min(last, num_frames), high[n], tuple(groups[n]))
        for n, (first, last) in enumerate(edges)
    ]


class Splicer:
    """Draws recordings of any length from stored ones and from stored quiet."""

    def __init__(self, short: FeatureSet, quiet: FeatureSet) -> None:
        self.short, self.quiet = short, quiet
        num_frames = short.num_samples // FRAME_SAMPLES
        self.cuts = [cut for place, events in enumerate(short.events) for cut in cuts_of(place, events, num_frames)]
        self.alone: dict[str, list[Cut]] = defaultdict(list)
        for cut in self.cuts:
            if len(cut.events) == 1:
                self.alone[cut.events[0].kind].append(cut)

    def draw(self, num_frames: int, rng: np.random.Generator) -> tuple[Tensor, tuple[PlacedEvent, ...]]:
        """One recording: float32 [num_frames, dim], and what happens in it, in samples."""
        wanted = self._counted(num_frames, rng) if rng.random() < COUNTED_SHARE else self._mixed(num_frames, rng)
        pieces, left = [], num_frames
        for cut in wanted:
            low = max(cut.low, cut.first - int(rng.integers(*MARGIN)))
            high = min(cut.high, cut.last + int(rng.integers(*MARGIN)))
            if high - low + APART <= left:
                pieces.append((cut, low, high))
                left -= high - low + APART
        pieces = [pieces[int(n)] for n in rng.permutation(len(pieces))]
        # What is left lies before, between and after them, unevenly.
        gaps = np.floor(rng.dirichlet(np.full(len(pieces) + 1, 0.8)) * left).astype(int)
        noise = self.quiet.frames[int(rng.integers(len(self.quiet.frames)))]
        parts, events = _stretch(noise, int(gaps[0]), rng), []
        at = int(gaps[0])
        for (cut, low, high), gap in zip(pieces, gaps[1:], strict=True):
            parts.append(self.short.frames[cut.place, low:high])
            moved = (at - low) * FRAME_SAMPLES
            events += [replace(e, start=e.start + moved, end=e.end + moved) for e in cut.events]
            parts += _stretch(noise, int(gap) + APART, rng)
            at += high - low + int(gap) + APART
        parts += _stretch(noise, num_frames - at, rng)
        frames = np.concatenate(parts).astype(np.float32)
        return torch.from_numpy(frames), tuple(sorted(events, key=lambda e: (e.start, e.end)))

    def _mixed(self, num_frames: int, rng: np.random.Generator) -> list[Cut]:
        """Any groups of events, up to two and one more for every ten seconds."""
        count = int(rng.integers(1, 3 + num_frames // 500))
        return [self.cuts[int(rng.integers(len(self.cuts)))] for _ in range(count)]

    def _counted(self, num_frames: int, rng: np.random.Generator) -> list[Cut]:
        """One kind again and again, and behind it, so that it finds room first, a few other groups of events."""
        kinds = [kind for kind in self.alone if kind in WORDS] if rng.random() < TEN_SHARE else list(self.alone)
        if not kinds:
            return self._mixed(num_frames, rng)
        kind = kinds[int(rng.integers(len(kinds)))]
        is_long = num_frames > 1500
        count = int(rng.integers(1, 9 if is_long else 6))
        most = min(LONGEST_COUNTED, num_frames // count - APART - 2 * MARGIN[1])  # so that all of them find room
        fit = [cut for cut in self.alone[kind] if cut.last - cut.first <= most]
        chosen = [fit[int(rng.integers(len(fit)))] for _ in range(count if fit else 0)]
        others = [
            self.cuts[int(rng.integers(len(self.cuts)))] for _ in range(int(rng.integers(0, 6 if is_long else 3)))
        ]
        return chosen + [cut for cut in others if all(event.kind != kind for event in cut.events)]


def _stretch(noise: npt.NDArray[np.float16], count: int, rng: np.random.Generator) -> list[npt.NDArray[np.float16]]:
    """So many frames of a quiet recording, from anywhere in it; several times over where it is shorter."""
    parts = []
    while count > 0:
        size = min(count, len(noise))
        first = int(rng.integers(0, len(noise) - size + 1))
        parts.append(noise[first : first + size])
        count -= size
    return parts
