"""Times among the audio tokens: every so many seconds the markers that say when it is, as in answers.

Beyond the paper: models that read times between the sounds that they hear keep them on long recordings. Off by default.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class Anchors:
    """Marker tokens to put among a recording's audio tokens.

    Attributes:
        ids: of all anchors, one time after the other.
        windows: for each id, the window that it stands before.
    """

    ids: tuple[int, ...]
    windows: tuple[int, ...]


def anchors_of(count: int, window_frames: int, every_seconds: int, marker_ids: Sequence[int]) -> Anchors:
    """The times 0, `every_seconds`, ..., each before the first window that begins then or later.

    A time after the last window's beginning has nothing to stand before, and is left out.

    Args:
        count: windows of the recording.
        window_frames: frames in a window.
        every_seconds: from one time to the next.
        marker_ids: the ten anchors' ids, then the ten offsets'.
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
    """Audio tokens with the anchors' embeddings among them, each before the first token at its window or later.

    `places` are the windows that the tokens stand for, ascending; `windows` those that the anchors stand before.
    """
    batch = len(tokens)
    before = torch.tensor(windows, device=tokens.device).expand(batch, -1)
    order = torch.cat([2 * before, 2 * places + 1], dim=1).argsort(dim=1, stable=True)
    together = torch.cat([anchors.to(tokens.dtype).expand(batch, -1, -1), tokens], dim=1)
    return together.gather(1, order[..., None].expand_as(together))
