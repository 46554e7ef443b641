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
        unknown: captions that call a sound unidentified.
        unknown_similarity: what they have as their similarity. A sound that resembles no name more is left unnamed.
        weight: how much a similarity of 1 between a name and the audio tokens adds to the logits of its captions.
        floor: the lowest similarity that counts. Any other text has it.
    """

    captions: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    unknown_similarity: float
    weight: float
    floor: float

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the captions of a row of JSON. Raises: KeyError, TypeError or ValueError if the row is not valid."""
        captions = {str(name): tuple(map(str, texts)) for name, texts in row["captions"].items()}
        unknown = tuple(map(str, row["unknown"]))
        unknown_similarity, weight, floor = (float(row[name]) for name in ("unknown_similarity", "weight", "floor"))
        if not all(map(math.isfinite, (unknown_similarity, weight, floor))) or not all(captions.values()):
            raise ValueError("captions need finite numbers, and texts for each sound")
        return cls(captions, unknown, unknown_similarity, weight, floor)
