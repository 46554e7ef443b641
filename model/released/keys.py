"""The authors' names of tensors, and ours: one table, a reason per line.

A name becomes another, a tensor that we have no place for (`DROPPED`), or one half of an adapter (`ADAPTER`), which is
merged into the matrix that it adapts. Whisper, BEATs and the language model keep their upstream names behind a prefix.

Source: authors' released code (and SALMONN's, which has the same names but for what TimeAudio added).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

DROPPED: Final = ""

_LAYER: Final = r"speech_Qformer\.bert\.encoder\.layer\.(\d+)\."
_OURS: Final = r"connector.qformer.layers.\1."
_LANGUAGE: Final = r"llama_model\.base_model\.model\."


@dataclass(frozen=True, slots=True)
class Rule:
    """Names that match `theirs`, whole, become `ours`. `why` is for the reader."""

    theirs: str
    ours: str
    why: str


RULES: Final = (
    Rule(r"speech_encoder\.(.+)", r"speech.encoder.\1", "Whisper's encoder: the library's own names"),
    Rule(r"beats\.predictor\..+", DROPPED, "BEATs' classifier of AudioSet; only its features are heard"),
    Rule(r"beats\.(.+)", r"sound.\1", "BEATs: its authors' names, which ours has too"),
    Rule(r"ln_speech\.(.+)", r"fusion.speech_norm.\1", "LayerNorm of Whisper's frames"),
    Rule(r"ln_audio\.(.+)", r"fusion.sound_norm.\1", "LayerNorm of BEATs' tokens"),
    Rule(r"abs_time_position_embedding", r"connector.time_encoding.weight", "W_t of Eq. 3; a parameter, no module"),
    Rule(r"speech_query_tokens", r"connector.qformer.query", "[1, 1, dim] there: one query, its axes dropped here"),
    Rule(r"speech_Qformer\.bert\.embeddings\.LayerNorm\.(.+)", r"connector.qformer.query_norm.\1", "of the query"),
    Rule(r"speech_Qformer\.bert\.embeddings\.position_ids", DROPPED, "0..511, BERT's places of words; none here"),
    Rule(_LAYER + r"attention\.self\.(.+)", _OURS + r"self_attention.\2", "query, key, value"),
    Rule(_LAYER + r"attention\.output\.dense\.(.+)", _OURS + r"self_attention.output.\2", "output projection"),
    Rule(_LAYER + r"attention\.output\.LayerNorm\.(.+)", _OURS + r"self_norm.\2", "post-norm, as in BERT"),
    Rule(_LAYER + r"crossattention\.self\.(.+)", _OURS + r"cross_attention.\2", "query, key, value; keys are frames"),
    Rule(_LAYER + r"crossattention\.output\.dense\.(.+)", _OURS + r"cross_attention.output.\2", "output projection"),
    Rule(_LAYER + r"crossattention\.output\.LayerNorm\.(.+)", _OURS + r"cross_norm.\2", "post-norm"),
    Rule(_LAYER + r"intermediate_query\.dense\.(.+)", _OURS + r"expand.\2", "BLIP-2's feed-forward for queries"),
    Rule(_LAYER + r"output_query\.dense\.(.+)", _OURS + r"contract.\2", "its second matrix"),
    Rule(_LAYER + r"output_query\.LayerNorm\.(.+)", _OURS + r"feed_forward_norm.\2", "post-norm"),
    Rule(r"speech_llama_proj\.(.+)", r"connector.projection.\1", "to the language model's width"),
    Rule(_LANGUAGE + r".+\.rotary_emb\.inv_freq", DROPPED, "computed from the config's rope_theta"),
    Rule(_LANGUAGE + r"(.+)\.lora_(A|B)\.default\.weight", r"llm.\1.lora_\2", "peft's adapter: merged, see `merged`"),
    Rule(_LANGUAGE + r"(.+)\.base_layer\.(.+)", r"llm.\1.\2", "a matrix under peft's adapter"),
    Rule(_LANGUAGE + r"(.+)", r"llm.\1", "the language model behind peft's prefix"),
)


def our_name(theirs: str) -> str | None:
    """Our name of a tensor of theirs, `DROPPED` if we need it not, None if no rule knows it."""
    for rule in RULES:
        match = re.fullmatch(rule.theirs, theirs)
        if match:
            return match.expand(rule.ours)
    return None


@dataclass(frozen=True, slots=True)
class Renamed:
    """A state dict of theirs by our names.

    Attributes:
        tensors: our name -> tensor.
        adapters: our name of a matrix -> its adapter's halves A [rank, in] and B [out, rank].
        dropped: their names of tensors that have no place here, for a reason in `RULES`.
        unknown: their names that no rule knows.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    adapters: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def rename(state: Mapping[str, Tensor]) -> Renamed:
    """Their state dict by our names. No tensor is copied or changed but the query, whose two axes of 1 are dropped."""
    renamed = Renamed()
    halves: dict[str, Tensor] = {}
    for theirs, tensor in state.items():
        ours = our_name(theirs)
        if ours is None:
            renamed.unknown.append(theirs)
        elif ours == DROPPED:
            renamed.dropped.append(theirs)
        elif ours.endswith((".lora_A", ".lora_B")):
            halves[ours] = tensor
        else:
            renamed.tensors[ours] = tensor.flatten() if theirs == "speech_query_tokens" else tensor
    for matrix in _adapted(halves):
        if halves.keys() >= {matrix + ".lora_A", matrix + ".lora_B"}:
            renamed.adapters[matrix + ".weight"] = halves[matrix + ".lora_A"], halves[matrix + ".lora_B"]
        else:
            renamed.unknown.append(f"half an adapter of {matrix}")
    return renamed


def _adapted(halves: Iterable[str]) -> list[str]:
    return sorted({name.rpartition(".")[0] for name in halves})


def merged(weight: Tensor, adapter: tuple[Tensor, Tensor], scale: float) -> Tensor:
    """A matrix with its adapter added: W + scale B A, computed in float32, in the matrix's own dtype.

    Source: Hu et al. 2021, "LoRA", section 4.1; `scale` is alpha / rank.
    """
    a, b = (half.to(weight.device, torch.float32) for half in adapter)
    return (weight.float() + scale * (b @ a)).to(weight.dtype)
