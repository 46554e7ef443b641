"""GGUF files: we read what we write, and other readers of the format find the same."""

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

from model.errors import CheckpointError, MissingWeights
from model.gguf_tensors import GGUF_FILE, gguf_files
from model.language.gguf_file import read_gguf, tensor_names, turned
from model.language.gguf_writing import write_gguf
from tests.factories import add_markers, small_llm, small_tokenizer

KINDS = {
    "multi-head": {},
    "grouped and tied": {"num_key_value_heads": 2, "tie_word_embeddings": True},
    "rows of 48": {"intermediate_size": 48},
    "with biases": {"attention_bias": True, "num_key_value_heads": 2},
}


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


@pytest.fixture(params=KINDS)
def llm(request, tokenizer):
    llm = small_llm(len(tokenizer) - 20, **KINDS[request.param])
    add_markers(llm, tokenizer)
    for name, parameter in llm.named_parameters():
        if "norm" in name or "bias" in name:
            parameter.data.normal_(1.0, 0.3)
    return llm


def written(folder, llm, tokenizer, blocks="q8_0"):
    folder.mkdir(exist_ok=True)
    llm.config.save_pretrained(folder)
    llm.generation_config.save_pretrained(folder)
    write_gguf(folder / GGUF_FILE, llm, tokenizer, blocks)
    return folder


def test_values_are_within_half_a_quantization_step_and_logits_within_three_percent(tmp_path, llm, tokenizer):
    read = read_gguf(written(tmp_path, llm, tokenizer), torch.float32).eval()
    assert type(read) is type(llm)
    assert read.state_dict().keys() == llm.state_dict().keys()
    for name, tensor in llm.state_dict().items():
        found = read.state_dict()[name]
        if tensor.ndim == 1:
            assert torch.equal(found, tensor), name
        elif tensor.shape[1] % 32:
            assert torch.equal(found, tensor.half().float()), name
        else:
            blocks = tensor.reshape(-1, 32)
            step = blocks.abs().amax(dim=1, keepdim=True) / 127
            assert ((found.reshape(-1, 32) - blocks).abs() <= step * 0.57).all(), name  # the scale is rounded too
    rows = list(tokenizer.marker_ids)
    before, after = (net.get_input_embeddings().weight[rows] for net in (llm, read))
    assert (before - after).abs().max() < 0.004 * before.abs().max()
    tied = llm.config.tie_word_embeddings
    assert (read.get_output_embeddings().weight is read.get_input_embeddings().weight) == tied
    assert read.generation_config.eos_token_id == llm.generation_config.eos_token_id
    ids = torch.randint(0, len(tokenizer), (4, 60), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before, after = llm(ids).logits, read(ids).logits
    assert (after - before).abs().mean() < 0.03 * before.std()
    read = read_gguf(tmp_path, torch.bfloat16)
    assert {parameter.dtype for parameter in read.parameters()} == {torch.bfloat16}


def test_q4_1_layers_have_16_levels_per_block_and_packing_again_changes_nothing(tmp_path, llm, tokenizer):
    once = read_gguf(written(tmp_path / "once", llm, tokenizer, "q4_1"), torch.float32)
    held = {tensor.name: tensor for tensor in gguf.GGUFReader(tmp_path / "once" / GGUF_FILE).tensors}
    for theirs, ours in tensor_names(llm).items():
        tensor, found = llm.state_dict()[ours], once.state_dict()[ours]
        wanted = torch.from_numpy(
            np.array(gguf.quants.dequantize(held[theirs].data, held[theirs].tensor_type), dtype=np.float32)
        )
        assert torch.equal(turned(ours, wanted, llm.config, to_file=False), found), ours
        if theirs.startswith("blk.") and tensor.ndim == 2 and tensor.shape[1] % 32 == 0:
            blocks = tensor.reshape(-1, 32)
            step = (blocks.amax(dim=1, keepdim=True) - blocks.amin(dim=1, keepdim=True)) / 15
            assert ((found.reshape(-1, 32) - blocks).abs() <= step * 0.52).all(), ours  # step and minimum are rounded
    twice = read_gguf(written(tmp_path / "twice", once, tokenizer, "q4_1"), torch.float32)
    for name, tensor in once.state_dict().items():
        torch.testing.assert_close(twice.state_dict()[name], tensor, atol=2e-4, rtol=2e-3, msg=name)


def test_a_large_file_is_split_and_read_whole(tmp_path, tokenizer, monkeypatch):
    llm = small_llm(len(tokenizer), **KINDS["with biases"])
    monkeypatch.setattr("model.language.gguf_writing.MOST_BYTES", 20_000)
    parts = gguf_files(written(tmp_path / "split", llm, tokenizer))
    assert len(parts) > 1
    assert parts[0].name == f"model-00001-of-{len(parts):05d}.gguf"
    split = read_gguf(tmp_path / "split", torch.float32).state_dict()
    monkeypatch.undo()
    for name, tensor in read_gguf(written(tmp_path / "whole", llm, tokenizer), torch.float32).state_dict().items():
        assert torch.equal(split[name], tensor), name
    parts[-1].unlink()
    with pytest.raises(MissingWeights):
        read_gguf(tmp_path / "split", torch.float32)


# transformers cannot read the biases of a Llama from GGUF.
@pytest.mark.parametrize("llm", sorted(KINDS.keys() - {"with biases"}), indirect=True)
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")  # a warning of transformers
def test_transformers_reads_the_same_model(tmp_path, llm, tokenizer):
    ours = read_gguf(written(tmp_path, llm, tokenizer), torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=GGUF_FILE, dtype=torch.float32)
    assert theirs.config.num_key_value_heads == llm.config.num_key_value_heads
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor, msg=name)


def test_the_gguf_package_reads_the_same_under_llama_cpps_names(tmp_path, llm, tokenizer):
    """The reader of the gguf package is slow, but also parses the metadata."""
    ours = read_gguf(written(tmp_path, llm, tokenizer), torch.float32).state_dict()
    reader = gguf.GGUFReader(tmp_path / GGUF_FILE)
    names = tensor_names(llm)
    official = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
    assert {name: official.get_name(own, try_suffixes=(".weight", ".bias")) for name, own in names.items()} == {
        name: name for name in names
    }
    assert {tensor.name for tensor in reader.tensors} == names.keys()
    for held in reader.tensors:
        theirs = torch.from_numpy(np.array(gguf.quants.dequantize(held.data, held.tensor_type), dtype=np.float32))
        name = names[held.name]
        assert torch.equal(turned(name, theirs, llm.config, to_file=False), ours[name]), name
    pieces = reader.fields["tokenizer.ggml.tokens"]
    assert len(pieces.data) == len(tokenizer) == llm.config.vocab_size
    first = tokenizer.marker_ids[0]
    assert pieces.parts[pieces.data[first]].tobytes().decode() == tokenizer.library.convert_ids_to_tokens(first)
    assert reader.fields["tokenizer.ggml.token_type"].contents()[first] == gguf.TokenType.USER_DEFINED
    assert reader.fields["tokenizer.ggml.pre"].contents() == "smollm"
    assert reader.fields["tokenizer.ggml.eos_token_id"].contents() == tokenizer.eos_id


def test_embedding_rows_beyond_the_tokenizer_are_kept(tmp_path, tokenizer):
    llm = small_llm(len(tokenizer) + 12)
    read = read_gguf(written(tmp_path, llm, tokenizer), torch.float32)
    assert len(read.get_input_embeddings().weight) == len(tokenizer) + 12


def test_the_error_for_a_truncated_file_says_to_copy_it_again(tmp_path, tokenizer):
    path = written(tmp_path, small_llm(len(tokenizer)), tokenizer) / GGUF_FILE
    whole = path.read_bytes()
    for share in (0.0, 0.001, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(CheckpointError, match="copy it again"):
            read_gguf(tmp_path, torch.float32)


def test_a_file_of_another_format_is_rejected(tmp_path, tokenizer):
    path = written(tmp_path, small_llm(len(tokenizer)), tokenizer) / GGUF_FILE
    path.write_bytes(b"GGML" + path.read_bytes()[4:])
    with pytest.raises(CheckpointError, match="GGUF magic invalid.*copy it again"):
        read_gguf(tmp_path, torch.float32)
    path.write_bytes(b"GGUF\x09\0\0\0" + path.read_bytes()[8:])
    with pytest.raises(CheckpointError, match="version 9.*copy it again"):
        read_gguf(tmp_path, torch.float32)


def test_a_file_with_other_sizes_is_rejected(tmp_path, tokenizer):
    written(tmp_path, small_llm(len(tokenizer)), tokenizer)
    small_llm(len(tokenizer), num_hidden_layers=3).config.save_pretrained(tmp_path)
    with pytest.raises(MissingWeights, match=r"layers\.2"):
        read_gguf(tmp_path, torch.float32)
    small_llm(len(tokenizer), intermediate_size=96).config.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"gate_proj.weight is \[64, 32\], the config asks for \[96, 32\]"):
        read_gguf(tmp_path, torch.float32)


def test_only_plain_llama_models_can_be_packed(tmp_path, tokenizer):
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 2}
    qwen = Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), num_hidden_layers=1, **sizes))
    with pytest.raises(CheckpointError, match="This qwen2 cannot be packed"):
        write_gguf(tmp_path / GGUF_FILE, qwen, tokenizer)
    rope = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
    with pytest.raises(CheckpointError, match="without a scaled rotary embedding"):
        write_gguf(tmp_path / GGUF_FILE, small_llm(len(tokenizer), rope_parameters=rope), tokenizer)
