"""Fixtures: the reference data, and our model with the reference weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.reference import Reference, load_released

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def released() -> Reference:
    """Our model with the released weights, loaded by `model.reference`."""
    configs = json.loads((DATA / "tiny_configs.json").read_text())
    return load_released(load_file(DATA / "weights.safetensors"), configs, tokenizer=DATA / "tokenizer.model")


@pytest.fixture(scope="session")
def theirs() -> dict[str, torch.Tensor]:
    """The tensors of the released code by name, see `data/README.md`."""
    found = {}
    for file in ("features.npz", "stages.npz"):
        with np.load(DATA / file) as arrays:
            found |= {name: torch.from_numpy(arrays[name]) for name in arrays}
    return found
