"""The reference data, and our model with the reference's weights."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.reference import Reference, load_released

DATA = Path(__file__).parent / "data"

# MKL's Fourier transform rounds otherwise on each maker's processors: by up to 3e-5 in a log-mel (1e-6 is allowed).
# It is asked for the rounding that all share, at its first call, and for this process alone.
os.environ["MKL_CBWR"] = "COMPATIBLE"
torch.fft.rfft(torch.ones(400))
del os.environ["MKL_CBWR"]


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def released() -> Reference:
    """The released code's weights in our modules, through the public path."""
    configs = json.loads((DATA / "tiny_configs.json").read_text())
    return load_released(load_file(DATA / "weights.safetensors"), configs, tokenizer=DATA / "tokenizer.model")


@pytest.fixture(scope="session")
def theirs() -> dict[str, torch.Tensor]:
    """The released code's tensors by name: see `data/README.md`."""
    found = {}
    for file in ("features.npz", "stages.npz"):
        with np.load(DATA / file) as arrays:
            found |= {name: torch.from_numpy(arrays[name]) for name in arrays}
    return found
