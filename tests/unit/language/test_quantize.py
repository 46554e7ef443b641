"""The quantized language model: its change in logits (with the `quantize` extra), and the error without the extra."""

import importlib.util
import sys

import pytest
import torch

from model.checkpoint import load_checkpoint, save_checkpoint
from model.errors import CheckpointError
from model.pipeline import Pipeline
from tests.factories import small_model

LIBRARIES = {"int8": "torchao", "int4": "bitsandbytes"}
MOST_KL = {"int8": 0.001, "int4": 0.05}
"""Maximum KL divergence. Measured on a trained checkpoint: 0.0002 and 0.028 nats."""


@pytest.fixture
def checkpoint(tmp_path):
    save_checkpoint(tmp_path / "whole", *small_model(), dtype=torch.float32)
    return tmp_path / "whole"


def test_the_error_names_the_missing_library(checkpoint, monkeypatch):
    for kind, library in LIBRARIES.items():
        for name in (library, f"{library}.quantization"):
            monkeypatch.setitem(sys.modules, name, None)  # as if not installed, even if already imported
        with pytest.raises(CheckpointError, match=rf"{kind} needs {library}: run pip install -e '.\[quantize\]'"):
            Pipeline.load(checkpoint, quantize=kind)


@pytest.mark.parametrize("kind", LIBRARIES)
@pytest.mark.filterwarnings("ignore")  # warnings of the libraries
def test_quantization_changes_the_logits_only_a_little(kind, checkpoint):
    if importlib.util.find_spec(LIBRARIES[kind]) is None:
        pytest.skip("pip install -e '.[quantize]'; not in dev, where transformers would import it at every start")
    exact, fewer = (load_checkpoint(checkpoint, quantize=quantize)[0].llm for quantize in (None, kind))
    ids = torch.randint(0, 500, (4, 60), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = (llm(ids).logits.log_softmax(-1) for llm in (exact, fewer))
    kl = (ours.exp() * (ours - theirs)).sum(-1).mean()
    assert 0 < kl < MOST_KL[kind]
    assert fewer.lm_head.weight.dtype == torch.float32, "the head is not quantised"


def test_an_adapter_cannot_be_merged_into_quantized_weights(checkpoint):
    (checkpoint / "adapter").mkdir()
    with pytest.raises(CheckpointError, match="merge it first"):
        load_checkpoint(checkpoint, quantize="int8")
