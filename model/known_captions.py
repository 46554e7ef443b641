"""The captions that a checkpoint was trained to write, by the sounds that they name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class KnownCaptions:
    """The captions, and how much evidence counts when the words of a caption are chosen.

    Attributes:
        captions: by the name of the sound, such as "rooster".
        weight: how much a similarity of 1 between a name and the audio tokens adds to the logits of its captions.
        floor: the lowest similarity that counts. Any other text has it.
    """

    captions: Mapping[str, tuple[str, ...]]
    weight: float
    floor: float

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the captions of a row of JSON. Raises: KeyError, TypeError or ValueError if the row is not valid."""
        captions = {str(name): tuple(map(str, texts)) for name, texts in row["captions"].items()}
        weight, floor = float(row["weight"]), float(row["floor"])
        if not math.isfinite(weight) or not math.isfinite(floor) or not all(captions.values()):
            raise ValueError("captions need a finite weight and floor, and texts for each sound")
        return cls(captions, weight, floor)
