"""Captions that no model here is trained on: what other people would write, to score what a model writes.

Five for each kind, in `paraphrases.json`. They were written by hand before any model was scored with them, and share no
sentence with the captions and queries of `training.data.vocabulary`.
"""

import json
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".json")


@cache
def paraphrases() -> dict[str, tuple[str, ...]]:
    """The captions of each kind."""
    return {kind: tuple(captions) for kind, captions in json.loads(_FILE.read_text(encoding="utf-8")).items()}
