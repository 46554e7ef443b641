"""Reads a language model's weights from GGUF, llama.cpp's format. Q8_0 takes about a quarter of float32's bytes.

Other programs can open the file: it has llama.cpp's tensor names, its row order of queries and keys, its metadata, and
the tokenizer. This reader takes the architecture from the `config.json` next to the file and skips the metadata, so it
does not depend on how they are interpreted, and loading does not parse thousands of tokens.

Q8_0: 32 consecutive values of a row share a float16 scale, max(|x|) / 127; each value is an integer multiple of it.

Source: ggml, docs/gguf.md, version 3; llama.cpp, convert_hf_to_gguf.py.
"""

import struct
from dataclasses import dataclass
from math import prod
from mmap import ACCESS_COPY, mmap
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PretrainedConfig, PreTrainedModel

from model.errors import CheckpointError, MissingWeights, UnexpectedWeights

GGUF_FILE = "model.gguf"
BLOCK = 32
"""Values per scale."""

_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_INSIDE = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
"""Tensors of a layer: llama.cpp's name -> the library's."""

_Q8_0 = 8
_PLAIN = {0: torch.float32, 1: torch.float16, 30: torch.bfloat16}
"""Tensor types that this module reads besides Q8_0, by GGUF's type numbers."""

_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Size in bytes of every other metadata type."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Location of a tensor in the file: shape, GGUF type number, and offset of the first byte."""

    shape: tuple[int, ...]
    kind: int
    start: int


def read_gguf(directory: Path, dtype: torch.dtype) -> PreTrainedModel:
    """Load the language model from a directory with `model.gguf` and its config, computing in `dtype`.

    Raises:
        CheckpointError: the file is damaged, has tensor types that are not supported, or does not fit the config.
    """
    path = directory / GGUF_FILE
    config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    expected, names = empty.state_dict(), tensor_names(empty)
    try:
        with path.open("rb") as file:
            held = mmap(file.fileno(), 0, access=ACCESS_COPY)  # torch rejects read-only memory
        places = _places(held)
        if missing := sorted(ours for theirs, ours in names.items() if theirs not in places):
            raise MissingWeights(missing, where=str(path))
        if unexpected := sorted(places.keys() - names.keys()):
            raise UnexpectedWeights(unexpected, where=str(path))
        tensors = {ours: _tensor(held, places[theirs]).to(dtype) for theirs, ours in names.items()}
    except (OSError, ValueError, IndexError, KeyError, struct.error, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): copy it again.") from None
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shape = list(expected[name].shape)
            raise CheckpointError(f"{path}: {name} is {list(tensor.shape)}, the config asks for {shape}.")
    state = {name: turned(name, tensor, config, to_file=False) for name, tensor in tensors.items()}
    llm: PreTrainedModel = type(empty).from_pretrained(None, config=config, state_dict=state, dtype=dtype)
    llm.generation_config = GenerationConfig.from_pretrained(directory, local_files_only=True)
    return llm


class _Header:
    """Reads the values at the start of a file in order."""

    def __init__(self, held: mmap) -> None:
        self.held = held
        self.at = 0

    def number(self, form: str) -> int:
        """Read an unsigned integer: `I` has 4 bytes, `Q` has 8."""
        (value,) = struct.unpack_from("<" + form, self.held, self.at)
        self.at += struct.calcsize("<" + form)
        return int(value)

    def text(self) -> str:
        """Read a string, which follows its length."""
        length = self.number("Q")
        self.at += length
        return self.held[self.at - length : self.at].decode()

    def skip(self, kind: int, times: int = 1) -> None:
        """Skip metadata values of one type."""
        if kind == _STRING:
            for _ in range(times):
                length = self.number("Q")
                self.at += length
        elif kind == _ARRAY:
            for _ in range(times):
                inside, count = self.number("I"), self.number("Q")
                self.skip(inside, count)
        else:
            self.at += times * _SIZES[kind]


def _places(held: mmap) -> dict[str, _Place]:
    """Return the location of each tensor. Of the metadata, only the alignment is read."""
    header = _Header(held)
    if held[:4] != b"GGUF":
        raise ValueError("it is not a GGUF file")
    header.at = 4
    if (version := header.number("I")) != 3:
        raise ValueError(f"it is GGUF version {version}, not 3")
    num_tensors, num_fields, alignment = header.number("Q"), header.number("Q"), 32
    for _ in range(num_fields):
        name, kind = header.text(), header.number("I")
        if name == "general.alignment":
            alignment = header.number("I")
        else:
            header.skip(kind)
    found: dict[str, _Place] = {}
    for _ in range(num_tensors):
        name, num_axes = header.text(), header.number("I")
        shape = tuple(header.number("Q") for _ in range(num_axes))[::-1]  # GGUF lists the innermost axis first
        found[name] = _Place(shape, header.number("I"), header.number("Q"))
    begin = -(-header.at // alignment) * alignment
    return {name: _Place(place.shape, place.kind, begin + place.start) for name, place in found.items()}


def _tensor(held: mmap, place: _Place) -> Tensor:
    """Return a tensor in its shape: Q8_0 dequantised to float32, other types unchanged."""
    count = prod(place.shape)
    if place.kind == _Q8_0:
        blocks = torch.frombuffer(held, dtype=torch.int8, offset=place.start, count=count // BLOCK * (2 + BLOCK))
        blocks = blocks.view(-1, 2 + BLOCK)
        scales = blocks[:, :2].contiguous().view(torch.float16).float()
        return (blocks[:, 2:] * scales).view(place.shape)
    if place.kind not in _PLAIN:
        raise ValueError(f"a tensor has GGUF type {place.kind}; only float32, float16, bfloat16 and Q8_0 are supported")
    return torch.frombuffer(held, dtype=_PLAIN[place.kind], offset=place.start, count=count).view(place.shape).clone()


def tensor_names(llm: PreTrainedModel) -> dict[str, str]:
    """Return llama.cpp's name of each tensor -> the library's, without a head that is tied to the embedding."""
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
