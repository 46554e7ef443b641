"""The names of the four tasks, used in every layer."""

from typing import Final, Literal

Task = Literal["dense_caption", "ground", "summarize", "ask"]

TASKS: Final[tuple[Task, ...]] = ("dense_caption", "ground", "summarize", "ask")

CAPTIONED: Final[frozenset[Task]] = frozenset({"dense_caption", "summarize"})
"""Tasks whose intervals need a caption."""
