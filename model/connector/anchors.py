"""Anchors: insert the current time among the audio tokens at regular intervals, in the same markers as in answers.

Not in the paper: with anchors, models keep correct times in long recordings. Off by default.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class Anchors:
    """Marker tokens to insert among a recording's audio tokens.

    Attributes:
        ids: marker ids of all anchors, one time after the other.
        windows: for each id, the window before which it is inserted.
    """

    ids: tuple[int, ...]
    windows: tuple[int, ...]


def anchors_of(count: int, window_frames: int, every_seconds: int, marker_ids: Sequence[int]) -> Anchors:
    """Return anchors for 0, `every_seconds`, ..., each before the first window that begins at that time or later.

    Times after the last window's start are omitted.

    Args:
        count: number of windows in the recording.
        window_frames: frames in a window.
        every_seconds: seconds from one time to the next.
        marker_ids: ids of the ten anchor markers, then of the ten offset markers.
    """
    ids: list[int] = []
    windows: list[int] = []
    for seconds in range(0, count * window_frames * FRAME_MS // 1000 + 1, every_seconds):
        window = -(-seconds * 1000 // (window_frames * FRAME_MS))
        if window < count:
            digits = [marker_ids[int(digit)] for digit in str(seconds)]
            ids += [*digits, marker_ids[10]]
            windows += [window] * (len(digits) + 1)
    return Anchors(tuple(ids), tuple(windows))


def interleave(
    tokens: Float[Tensor, "batch tokens dim"],
    places: Int[Tensor, "batch tokens"],
    anchors: Float[Tensor, "anchors dim"],
    windows: Sequence[int],
) -> Float[Tensor, "batch all dim"]:
    """Insert each anchor's embedding before the first audio token at its window or later.

    `places` are the tokens' windows, ascending; `windows` are the windows before which the anchors belong.
    """
    batch = len(tokens)
    before = torch.tensor(windows, device=tokens.device).expand(batch, -1)
    order = torch.cat([2 * before, 2 * places + 1], dim=1).argsort(dim=1, stable=True)
    together = torch.cat([anchors.to(tokens.dtype).expand(batch, -1, -1), tokens], dim=1)
    return together.gather(1, order[..., None].expand_as(together))
