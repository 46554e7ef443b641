"""Reference captions for scoring. No model is trained on them.

`paraphrases.json` has five per kind. They were written by hand before any model was scored with them, and share no
sentence with the captions and queries of `training.data.vocabulary`.
"""

import json
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".json")


@cache
def paraphrases() -> dict[str, tuple[str, ...]]:
    """Return the captions of each kind."""
    return {kind: tuple(captions) for kind, captions in json.loads(_FILE.read_text(encoding="utf-8")).items()}
