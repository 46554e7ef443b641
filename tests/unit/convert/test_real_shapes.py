"""Compare the real names and shapes of the released code, on torch's meta device, with those that an import needs."""

import json
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, WhisperConfig

from model.convert.importer import architecture
from model.convert.keys import rename
from model.convert.nets import Trained
from model.convert.shape_check import checkpoint_faults, needs
from model.encoders.beats import BEATsConfig
from tests.released_files import DATA, is_in_checkpoint, released_parts

FILE = Path("timeaudio.pth")
WHISPER_LARGE_V2 = WhisperConfig(
    d_model=1280, encoder_layers=32, encoder_attention_heads=20, encoder_ffn_dim=5120, num_mel_bins=80
)
VICUNA_7B = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32}


def unfolded(facts):
    """Return every tensor, on the meta device."""
    state = {}
    for name, fact in facts.items():
        first, last = fact.get("layers", (0, 0))
        for layer in range(first, last + 1):
            dtype = getattr(torch, fact["dtype"])
            state[name.replace("{n}", str(layer))] = torch.empty(fact["shape"], dtype=dtype, device="meta")
    return state


@pytest.fixture(scope="module")
def facts():
    return {stage: unfolded(keys) for stage, keys in json.loads((DATA / "real_keys.json").read_text()).items()}


@pytest.fixture(scope="module")
def need(facts):
    config = architecture("timeaudio-7b", trained(facts["stage2"]), "bfloat16", index="released_cuda", num_heads=None)
    llm = LlamaConfig(vocab_size=32_021, **VICUNA_7B)
    return needs(config, WHISPER_LARGE_V2, BEATsConfig(), llm)


def outer_layers(names):
    """Return the names without the inner layers, which behave like the others."""
    inner = tuple(f".{layer}." for layer in range(2, 31) if layer != 11)
    return [name for name in names if not any(part in name for part in inner)]


def trained(state):
    return Trained(FILE, released_parts().configs["model"], state, rename(state))


def faults(state, need):
    file = trained(state)
    return list(checkpoint_faults(file.renamed, need, file.theirs, FILE))


def test_all_237_tensors_of_a_stage_2_file_are_used(facts, need):
    assert len(facts["stage2"]) == 237
    assert sum(tensor.numel() for tensor in facts["stage2"].values()) == 294_123_776
    assert faults(facts["stage2"], need) == []
    assert faults(facts["stage1"], need) == []


def test_the_frozen_networks_have_our_names_and_shapes(facts, need):
    frozen = rename(facts["frozen"])
    assert frozen.unknown == []
    for prefix, shapes in (("speech.encoder.", need.speech), ("sound.", need.sound)):
        theirs = {n.removeprefix(prefix): tuple(t.shape) for n, t in frozen.tensors.items() if n.startswith(prefix)}
        assert theirs == shapes


def test_the_language_model_has_7_billion_parameters(need):
    assert need.embeddings == ("model.embed_tokens.weight", "lm_head.weight")
    assert need.llm["lm_head.weight"] == (32_021, 4096)
    assert 6.7e9 < sum(rows * columns for rows, columns in (s for s in need.llm.values() if len(s) == 2)) < 6.8e9


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_every_missing_tensor_is_found(facts, need, stage):
    optional = ("relative_attention_bias", "inv_freq", "position_ids")
    for name in outer_layers(facts[stage]):
        if not any(part in name for part in optional):
            state = {other: tensor for other, tensor in facts[stage].items() if other != name}
            assert faults(state, need), name


def test_every_wrong_shape_is_found(facts, need):
    for name in outer_layers(facts["stage2"]):
        if "inv_freq" not in name and "position_ids" not in name:
            tensor = facts["stage2"][name]
            wrong = torch.empty(*tensor.shape[:-1], tensor.shape[-1] + 1, device="meta")
            assert faults(facts["stage2"] | {name: wrong}, need), name


def test_the_small_files_have_the_names_of_the_real_ones(facts):
    """The files of the other tests have the real layout, with only the first two layers."""
    small = {name for name in released_parts().state if is_in_checkpoint(name)}
    real = {n for n in facts["stage2"] if not any(f".{layer}." in n for layer in range(2, 32))}
    assert small == real
