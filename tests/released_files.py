"""The released code's state dict at a small size, and the four files that a user downloads, in their real layout."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

DATA = Path(__file__).parent / "parity" / "data"


@dataclass(frozen=True)
class Parts:
    """A whole state dict with the authors' names, their configs and a sentencepiece file."""

    state: dict[str, Tensor]
    configs: dict[str, Any]
    tokenizer: Path


@lru_cache
def released_parts() -> Parts:
    """Random weights: the ones whose outputs `tests/parity` compares."""
    configs = json.loads((DATA / "tiny_configs.json").read_text())
    return Parts(load_file(DATA / "weights.safetensors"), configs, DATA / "tokenizer.model")
