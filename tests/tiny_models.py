"""Tiny language models of several families with random weights, and answers of `transformers` to compare with."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LogitsProcessor,
    LogitsProcessorList,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from model.engine.engine import SlotEngine
from model.engine.sequence import Prefix
from model.engine.sequence import Sequence as Written
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar
from model.timeline.vocabulary import Vocabulary

EOS = 1
SIZES = {
    "vocab_size": 19, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 4, "bos_token_id": 0, "eos_token_id": EOS, "pad_token_id": 0, "initializer_range": 0.3,
    "max_position_embeddings": 256,
}  # fmt: skip
FAMILIES = {
    "llama": (LlamaForCausalLM, LlamaConfig, {}),
    "llama, grouped and tied": (
        LlamaForCausalLM,
        LlamaConfig,
        {"num_key_value_heads": 2, "tie_word_embeddings": True},
    ),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {"num_key_value_heads": 1}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"num_key_value_heads": 2, "head_dim": 16}),
    "mistral": (MistralForCausalLM, MistralConfig, {"num_key_value_heads": 2, "sliding_window": 200}),
}
TIMED = Vocabulary(
    anchor_ids=tuple(range(10, 20)), offset_ids=tuple(range(20, 30)), separator_ids=(30, 31, 30), eos_id=EOS, size=38,
    wordless_ids=frozenset({30, 31, 32}),
)  # fmt: skip
"""Token ids for answers with times. Their model has 40 rows, two more than the vocabulary has tokens."""


def tiny(family: str = "llama", seed: int = 0, **changes: object) -> PreTrainedModel:
    kind, config, own = FAMILIES[family]
    torch.manual_seed(seed)
    llm = kind(config(**(SIZES | own | changes))).eval().requires_grad_(False)
    llm.get_output_embeddings().weight[EOS] *= 1.7  # so that answers end often enough
    return llm


def endless(llm: PreTrainedModel) -> PreTrainedModel:
    """Return the model without an end token, so that its answers never end."""
    llm.generation_config.eos_token_id = None
    return llm


def prompt(length: int, seed: int) -> Tensor:
    return torch.randn(length, 32, generator=torch.Generator().manual_seed(seed))


def ask(engine: SlotEngine, embeds: Tensor, decoding: Decoding, grammar: Grammar | None = None) -> Written:
    """Add a sequence to the engine, with its prompt split into prefix and suffix."""
    cut = len(embeds) // 2
    return engine.add(Prefix(embeds[:cut]), embeds[cut:], decoding, grammar)


def answers(engine: SlotEngine, sequences: Sequence[Written]) -> list[list[int]]:
    engine.run([sequence for sequence in sequences if not sequence.is_ended])
    return [list(sequence.completion.ids) for sequence in sequences]


class GrammarMask(LogitsProcessor):
    """A slow version of the engine's masks: it reads each row's ids from the start at every token."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        for row, ids in enumerate(input_ids.tolist()):
            allowed = self.grammar.allowed(ids)
            for token_id in range(scores.shape[1]):
                if token_id >= self.grammar.vocabulary.size or not allowed.permits(token_id):
                    scores[row, token_id] = -torch.inf
        return scores


def library(llm: PreTrainedModel, embeds: Tensor, decoding: Decoding, grammar: Grammar | None = None) -> list[int]:
    """Return the ids from the `generate` of `transformers` up to the end token. A cut answer is closed."""
    ids = llm.generate(
        inputs_embeds=embeds[None],
        attention_mask=torch.ones(1, len(embeds), dtype=torch.long),
        num_beams=decoding.num_beams,
        max_new_tokens=decoding.max_new_tokens,
        do_sample=False,
        pad_token_id=EOS,
        logits_processor=LogitsProcessorList([] if grammar is None else [GrammarMask(grammar)]),
    )[0].tolist()
    if EOS in ids and llm.generation_config.eos_token_id is not None:
        return ids[: ids.index(EOS)]
    return ids + ([] if grammar is None else grammar.closing(ids))
