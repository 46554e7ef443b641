"""Every short cut in loading a checkpoint gives bit for bit what the library it replaces gives."""

import contextlib
import json
import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

import model.adapter
from model.adapter import merge_adapter, merge_with_peft
from model.checkpoint import ADAPTER, EMBEDDED, load_checkpoint, save_checkpoint
from model.language.gguf_file import read_gguf
from model.language.tokenizer import Tokenizer
from tests.factories import small_llm, small_model


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


def test_the_embedded_language_model_is_what_the_libraries_load():
    fast = load_checkpoint(EMBEDDED)[0].llm
    base = read_gguf(EMBEDDED / "llm", torch.float32)
    name = "model.layers.0.self_attn.q_proj.weight"
    unadapted = base.state_dict()[name].clone()
    config = type(base.config).from_pretrained(EMBEDDED / "llm")
    slow = type(base).from_pretrained(None, config=config, state_dict=base.state_dict(), dtype=torch.float32)
    slow = merge_with_peft(slow, EMBEDDED / ADAPTER)
    assert_equal(fast.state_dict(), slow.state_dict())
    assert_equal(dict(fast.named_buffers()), dict(slow.named_buffers()))
    assert type(fast) is type(slow)
    assert fast.config.to_dict() == slow.config.to_dict() | {"_name_or_path": ""}
    assert {p.requires_grad for p in read_gguf(EMBEDDED / "llm", torch.float32).parameters()} == {True}
    assert not torch.equal(fast.state_dict()[name], unadapted), "an adapter was merged"


def test_no_part_keeps_uninitialized_weights(tmp_path, monkeypatch):
    saved, tokenizer = small_model()
    save_checkpoint(tmp_path / "small", saved, tokenizer, dtype=torch.float32)
    fast = load_checkpoint(tmp_path / "small")[0]
    monkeypatch.setattr("model.checkpoint.no_init_weights", contextlib.nullcontext)
    slow = load_checkpoint(tmp_path / "small")[0]
    assert_equal(fast.state_dict(), slow.state_dict())
    assert_equal(dict(fast.named_buffers()), dict(slow.named_buffers()))


def test_the_vocabulary_is_the_one_that_the_library_decodes():
    tokenizer = Tokenizer.load(EMBEDDED)
    ids = range(len(tokenizer))
    wordless = {i for i in ids if not any(letter.isalpha() for letter in tokenizer.library.decode([i]))}
    special = {*tokenizer.marker_ids, tokenizer.eos_id, *tokenizer.library.all_special_ids}
    assert tokenizer.vocabulary.wordless_ids == wordless - special
    assert len(wordless) > 100


@pytest.fixture
def adapter(tmp_path):
    """An adapter of a small language model, as peft writes it; options of its config are changed by name."""

    def write(**options):
        llm = small_llm(100)
        config = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "down_proj"], "init_lora_weights": False}
        torch.manual_seed(3)
        get_peft_model(llm, LoraConfig(**config | options)).save_pretrained(tmp_path / "adapter")
        return tmp_path / "adapter"

    return write


@pytest.fixture
def needs_peft(monkeypatch):
    """How often peft merges."""
    calls = []

    def merge(llm, directory):
        calls.append(directory)
        return merge_with_peft(llm, directory)

    monkeypatch.setattr(model.adapter, "merge_with_peft", merge)
    return calls


def test_a_plain_adapter_is_merged_as_by_peft_and_without_it(adapter, needs_peft):
    directory = adapter()
    plain = small_llm(100).state_dict()
    fast = merge_adapter(small_llm(100), directory).state_dict()
    assert needs_peft == []
    assert_equal(fast, merge_with_peft(small_llm(100), directory).state_dict())
    assert {name for name in plain if not torch.equal(plain[name], fast[name])} == {
        name for name in plain if "q_proj" in name or "down_proj" in name
    }


@pytest.mark.parametrize(
    "options",
    [
        {"use_rslora": True},
        {"use_dora": True},
        {"rank_pattern": {"q_proj": 2}},
        {"alpha_pattern": {"q_proj": 3}},
        {"modules_to_save": ["lm_head"]},
        {"target_modules": r".*\.q_proj"},
        {"init_lora_weights": "olora"},
    ],
    ids=str,
)
def test_any_other_adapter_is_left_to_peft(adapter, needs_peft, options):
    directory = adapter(**options)
    fast = merge_adapter(small_llm(100), directory).state_dict()
    assert len(needs_peft) == 1
    assert_equal(fast, merge_with_peft(small_llm(100), directory).state_dict())


def test_an_adapter_that_does_not_fit_is_left_to_peft(adapter, needs_peft):
    directory = adapter()
    file = directory / "adapter_model.safetensors"
    tensors = load_file(file)
    key = next(key for key in tensors if key.endswith("lora_A.weight"))
    save_file(tensors | {key: tensors[key][:, 1:].contiguous()}, file)
    with pytest.raises(RuntimeError, match="size mismatch"):
        merge_adapter(small_llm(100), directory)
    save_file(tensors, file)
    config = json.loads((directory / "adapter_config.json").read_text())
    (directory / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["q_proj"]}))
    assert_equal(
        merge_adapter(small_llm(100), directory).state_dict(), merge_with_peft(small_llm(100), directory).state_dict()
    )
    shutil.rmtree(directory)
    with pytest.raises((OSError, ValueError)):
        merge_adapter(small_llm(100), directory)
    assert len(needs_peft) == 3
