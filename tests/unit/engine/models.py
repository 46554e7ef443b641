"""Tiny random language models of several families, and the library's own answer to compare with."""

import torch
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

VOCABULARY = 61
EOS = 1

SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 4, "bos_token_id": 0, "eos_token_id": EOS, "pad_token_id": EOS,
    "initializer_range": 0.3, "max_position_embeddings": 256,
}  # fmt: skip
FAMILIES = {
    "llama": (LlamaForCausalLM, LlamaConfig, {}),
    "llama grouped": (LlamaForCausalLM, LlamaConfig, {"num_key_value_heads": 2, "tie_word_embeddings": True}),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {"num_key_value_heads": 1}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"num_key_value_heads": 2, "head_dim": 16}),
    "mistral": (MistralForCausalLM, MistralConfig, {"num_key_value_heads": 2, "sliding_window": 200}),
}


def tiny(family: str, seed: int = 0) -> PreTrainedModel:
    kind, config, changes = FAMILIES[family]
    torch.manual_seed(seed)
    return kind(config(**(SIZES | changes))).eval()


def prompt(length: int, seed: int) -> Tensor:
    return torch.randn(length, 32, generator=torch.Generator().manual_seed(seed))


def library(llm: PreTrainedModel, embeds: Tensor, *, num_beams: int, max_new_tokens: int, **more: object) -> list[int]:
    """The ids that the library's own `generate` gives, up to the end."""
    ids = llm.generate(
        inputs_embeds=embeds[None],
        attention_mask=torch.ones(1, len(embeds), dtype=torch.long),
        num_beams=num_beams,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        **more,
    )[0].tolist()
    return ids[: ids.index(EOS)] if EOS in ids else ids
