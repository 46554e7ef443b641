"""Batch the frames of recordings that have the same length."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def frames_by_length(
    frames: Sequence[tuple[Tensor, Tensor]], device: torch.device
) -> Iterator[tuple[list[int], Float[Tensor, "batch frames speech"], Float[Tensor, "batch frames sound"]]]:
    """For each length, yield the places of the recordings that have it, and their frames from both encoders."""
    by_length: dict[int, list[int]] = {}
    for place, (speech, _) in enumerate(frames):
        by_length.setdefault(speech.shape[1], []).append(place)
    for places in by_length.values():
        speech, sound = (torch.cat([frames[p][side] for p in places]).to(device) for side in (0, 1))
        yield places, speech, sound
