"""The captions that a checkpoint was trained to write, by the sounds that they name."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, FiniteFloat

from model.strict_json import Strict


@dataclass(frozen=True, slots=True)
class KnownCaptions(Strict):
    """The captions, and how much evidence counts when the words of a caption are chosen.

    Attributes:
        captions: by the name of the sound, such as "rooster".
        unknown: captions that call a sound unidentified.
        unknown_similarity: what they have as their similarity. A sound that resembles no name more is left unnamed.
        weight: how much a similarity of 1 between a name and the audio tokens adds to the logits of its captions.
        floor: the lowest similarity that counts. Any other text has it.
    """

    captions: Annotated[dict[str, Annotated[tuple[str, ...], Field(min_length=1)]], Field(min_length=1)]
    unknown: tuple[str, ...]
    unknown_similarity: FiniteFloat
    weight: FiniteFloat
    floor: FiniteFloat
