"""Reads a language model's weights from GGUF, llama.cpp's format. Q8_0 takes about a quarter of float32's bytes.

Other programs can open the file: it has llama.cpp's tensor names, its row order of queries and keys, its metadata, and
the tokenizer. This reader takes the architecture from the `config.json` next to the file, so it does not depend on how
the metadata are interpreted.

Source: llama.cpp, convert_hf_to_gguf.py.
"""

from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PretrainedConfig, PreTrainedModel

from model.errors import CheckpointError, MissingWeights, UnexpectedWeights
from model.gguf_tensors import gguf_files, read_tensors

_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_INSIDE = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
"""Tensors of a layer: llama.cpp's name -> the library's."""


def read_gguf(directory: Path, dtype: torch.dtype) -> PreTrainedModel:
    """Load the language model from a directory with `model.gguf` and its config, computing in `dtype`.

    Raises:
        CheckpointError: the file is damaged, has tensor types that are not supported, or does not fit the config.
    """
    paths = gguf_files(directory)
    config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    expected, names = empty.state_dict(), tensor_names(empty)
    held = read_tensors(paths)
    if missing := sorted(ours for theirs, ours in names.items() if theirs not in held):
        raise MissingWeights(missing, where=str(paths[0]))
    if unexpected := sorted(held.keys() - names.keys()):
        raise UnexpectedWeights(unexpected, where=str(paths[0]))
    tensors = {ours: held[theirs].to(dtype) for theirs, ours in names.items()}
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shape = list(expected[name].shape)
            raise CheckpointError(f"{paths[0]}: {name} is {list(tensor.shape)}, the config asks for {shape}.")
    state = {name: turned(name, tensor, config, to_file=False) for name, tensor in tensors.items()}
    llm: PreTrainedModel = type(empty).from_pretrained(None, config=config, state_dict=state, dtype=dtype)
    llm.generation_config = GenerationConfig.from_pretrained(directory, local_files_only=True)
    return llm


def tensor_names(llm: PreTrainedModel) -> dict[str, str]:
    """Return the library's tensor names by llama.cpp's, without a head that is tied to the embedding."""
    stems = {
        theirs: ours for theirs, ours in _OUTSIDE.items() if ours != "lm_head" or not llm.config.tie_word_embeddings
    }
    for layer in range(llm.config.num_hidden_layers):
        stems |= {f"blk.{layer}.{theirs}": f"model.layers.{layer}.{ours}" for theirs, ours in _INSIDE.items()}
    held = llm.state_dict()
    return {
        f"{theirs}.{end}": f"{ours}.{end}"
        for theirs, ours in stems.items()
        for end in ("weight", "bias")
        if f"{ours}.{end}" in held
    }


def turned(name: str, tensor: Tensor, config: PretrainedConfig, *, to_file: bool) -> Tensor:
    """Permute rows of queries and keys: llama.cpp rotates adjacent rows, the library rotates halves of a head."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    num_heads = heads.get(name.split(".")[-2])
    if num_heads is None:
        return tensor
    half = len(tensor) // num_heads // 2
    shape = (num_heads, 2, half, -1) if to_file else (num_heads, half, 2, -1)
    return tensor.reshape(shape).transpose(1, 2).reshape(tensor.shape).contiguous()
