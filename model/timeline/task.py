"""The four tasks, by the names that every layer uses."""

from typing import Final, Literal

Task = Literal["dense_caption", "ground", "summarize", "ask"]

TASKS: Final[tuple[Task, ...]] = ("dense_caption", "ground", "summarize", "ask")

CAPTIONED: Final[frozenset[Task]] = frozenset({"dense_caption", "summarize"})
"""Tasks whose intervals mean nothing without the words that follow them."""
