"""Draw one of several options."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def choose(options: Sequence[Item], rng: np.random.Generator) -> Item:
    """Return one of the options; each is equally likely."""
    return options[int(rng.integers(len(options)))]
