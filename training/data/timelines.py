"""A timeline as a language model could be told it, window by window: what sounds, what begins, what ends, and when.

Where something begins stands also when it will end: a small language model learns to copy an event from one place long
before it learns to look for the end that belongs to a beginning. Finding it is left to the Q-Former's self-attention.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from training.data.composer import PlacedEvent

WINDOW_SAMPLES = 17 * 320
"""Samples in a window: 0.34 s."""

TIME_WIDTH = 33
"""A time's digits, one-hot: hundreds (0 to 2), tens, ones, tenths."""


def timeline_width(num_kinds: int) -> int:
    """Numbers per window."""
    return 3 * num_kinds + 2 * TIME_WIDTH


def written_timeline(
    events: Sequence[PlacedEvent],
    kinds: Sequence[str],
    num_samples: int,
    rng: np.random.Generator | None = None,
    *,
    first: int = 0,
) -> Float[np.ndarray, "windows width"]:
    """Per window: the share in which each kind sounds, which begin and end, digits of when, and of a beginning's end.

    Events are in samples from the first window, whose number on the recording's clock is `first`.
    Where a window has several edges, the last beginning's digits stand. With `rng` all of it is a little doubted and
    blurred, as a net would hear it.
    """
    num_windows = -(-num_samples // WINDOW_SAMPLES)
    count = len(kinds)
    told = np.zeros((num_windows, timeline_width(count)), dtype=np.float32)
    edges = np.arange(num_windows + 1) * WINDOW_SAMPLES
    for event in events:
        kind = kinds.index(event.kind)
        inside = np.minimum(event.end, edges[1:]) - np.maximum(event.start, edges[:-1])
        told[:, kind] = np.maximum(told[:, kind], np.clip(inside / WINDOW_SAMPLES, 0, 1))

    def digits(sample: int) -> Float[np.ndarray, "33"]:
        return _digits(round((first * WINDOW_SAMPLES + sample) / 1600))

    for edge in (2, 1):  # ends, then beginnings
        for event in events:
            sample = event.end if edge == 2 else event.start
            window = min(sample, num_samples - 1) // WINDOW_SAMPLES
            told[window, edge * count + kinds.index(event.kind)] = 1
            told[window, 3 * count : 3 * count + TIME_WIDTH] = digits(sample)
            if edge == 1:
                told[window, 3 * count + TIME_WIDTH :] = digits(event.end)
    if rng is not None:
        told = told * rng.uniform(0.7, 1.0) + rng.normal(0, 0.08, told.shape).astype(np.float32)
    return told


def _digits(tenths: int) -> Float[np.ndarray, "33"]:
    """The one-hot digits of a time below 300 s."""
    row = np.zeros(TIME_WIDTH, dtype=np.float32)
    seconds = min(tenths // 10, 299)
    for place in (seconds // 100, 3 + seconds // 10 % 10, 13 + seconds % 10, 23 + tenths % 10):
        row[place] = 1
    return row
