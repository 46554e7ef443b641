"""Writes the weights of a Llama as GGUF, with the metadata that other programs need.

Source: llama.cpp, convert_hf_to_gguf.py.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType
from transformers import PretrainedConfig, PreTrainedModel

from model.errors import CheckpointError
from model.gguf_tensors import MOST_BYTES, write_tensors
from model.language.gguf_file import tensor_names, turned
from model.language.tokenizer import Tokenizer

Blocks = Literal["q8_0", "q4_1"]


def write_gguf(path: Path, llm: PreTrainedModel, tokenizer: Tokenizer, blocks: Blocks = "q8_0") -> None:
    """Write the weights of a Llama: the layers' matrices in `blocks`, the embedding in Q8_0, norms in float32.

    Files of more than 45 MB are split as llama.cpp splits them.

    Raises:
        CheckpointError: the model is not a Llama, or its rotary embedding is scaled.
    """
    config = llm.config
    if config.model_type != "llama" or _rope(config).get("rope_type", "default") != "default":
        raise CheckpointError(
            f"This {config.model_type} cannot be packed: only Llamas without a scaled rotary embedding can. Serve it "
            "as it is, or quantized with TIMEAUDIO_WORKER__QUANTIZE."
        )
    writer = GGUFWriter(path, "llama", split_max_size=MOST_BYTES)
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_1 if blocks == "q4_1" else LlamaFileType.MOSTLY_Q8_0)
    _write_sizes(writer, config)
    _write_tokenizer(writer, tokenizer, config.vocab_size)
    state = llm.state_dict()
    tensors = {
        theirs: turned(ours, state[ours].float().cpu(), config, to_file=True)
        for theirs, ours in tensor_names(llm).items()
    }
    kind = GGMLQuantizationType[blocks.upper()]
    write_tensors(writer, tensors, {name: kind for name in tensors if name.startswith("blk.")})


def _rope(config: PretrainedConfig) -> Mapping[str, Any]:
    found: Mapping[str, Any] = config.rope_parameters or {}
    return found


def _write_sizes(writer: GGUFWriter, config: PretrainedConfig) -> None:
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_name("TimeAudio's language model")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(_rope(config).get("rope_theta", 10_000.0))
    writer.add_vocab_size(config.vocab_size)


def _write_tokenizer(writer: GGUFWriter, tokenizer: Tokenizer, num_rows: int) -> None:
    """Write the tokens, for other programs. Only byte-level BPE is complete; other kinds are written without merges."""
    fields = json.loads(tokenizer.library.backend_tokenizer.to_str())
    pieces = {number: piece for piece, number in tokenizer.library.get_vocab().items()}
    added = {token["id"]: token["special"] for token in fields["added_tokens"]}
    kinds = [
        TokenType.UNUSED if number not in pieces
        else TokenType.NORMAL if number not in added
        else TokenType.CONTROL if added[number]
        else TokenType.USER_DEFINED
        for number in range(num_rows)
    ]  # fmt: skip
    writer.add_tokenizer_model("gpt2")
    # "smollm" is llama.cpp's name for a pre-tokenizer that splits numbers into single digits.
    writer.add_tokenizer_pre("smollm" if "individual_digits" in json.dumps(fields["pre_tokenizer"]) else "gpt-2")
    writer.add_token_list([pieces.get(number, f"[PAD{number}]") for number in range(num_rows)])
    writer.add_token_types(kinds)
    merges = fields["model"].get("merges", [])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(tokenizer.eos_id)
    writer.add_add_bos_token(False)
    if tokenizer.bos_id is not None:
        writer.add_bos_token_id(tokenizer.bos_id)
