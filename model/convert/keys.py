"""Maps the authors' tensor names to ours: one table, with a reason per line.

A rule renames a tensor, drops it (`DROPPED`), or marks it as one half of an adapter (`lora_A`, `lora_B`), which is
merged into the matrix that it adapts. Whisper, BEATs and the language model keep their upstream names after a prefix.

Source: authors' released code (and SALMONN's, which uses the same names except for what TimeAudio added).
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
    """Names that fully match the pattern `theirs` become `ours`. `why` documents the rule."""

    theirs: str
    ours: str
    why: str


RULES: Final = (
    Rule(r"speech_encoder\.(.+)", r"speech.encoder.\1", "Whisper's encoder: the library's own names"),
    Rule(r"beats\.predictor\..+", DROPPED, "BEATs' AudioSet classifier; only its features are used"),
    Rule(r"beats\.(.+)", r"sound.\1", "BEATs: its authors' names, which ours uses too"),
    Rule(r"ln_speech\.(.+)", r"fusion.speech_norm.\1", "LayerNorm of Whisper's frames"),
    Rule(r"ln_audio\.(.+)", r"fusion.sound_norm.\1", "LayerNorm of BEATs' tokens"),
    Rule(r"abs_time_position_embedding", r"connector.time_encoding.weight", "W_t of Eq. 3; a parameter, not a module"),
    Rule(r"speech_query_tokens", r"connector.qformer.query", "[1, 1, dim]: one query; the leading axes are dropped"),
    Rule(r"speech_Qformer\.bert\.embeddings\.LayerNorm\.(.+)", r"connector.qformer.query_norm.\1", "of the query"),
    Rule(r"speech_Qformer\.bert\.embeddings\.position_ids", DROPPED, "0..511, BERT's word positions; not used here"),
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
    """Return our name for one of their tensors: `DROPPED` if it is not needed, None if no rule matches."""
    for rule in RULES:
        match = re.fullmatch(rule.theirs, theirs)
        if match:
            return match.expand(rule.ours)
    return None


@dataclass(frozen=True, slots=True)
class RenamedState:
    """Their state dict, renamed to our names.

    Attributes:
        tensors: our name -> tensor.
        adapters: our name of a matrix -> its adapter's halves A [rank, in] and B [out, rank].
        dropped: their names of tensors that are not needed, for a reason in `RULES`.
        unknown: their names that no rule matches.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    adapters: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def rename(state: Mapping[str, Tensor]) -> RenamedState:
    """Rename their state dict. No tensor is copied or changed, but the query loses its two axes of size 1."""
    renamed = RenamedState()
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
    """Return a matrix with its adapter merged: W + scale B A, computed in float32, returned in the matrix's own dtype.

    Source: Hu et al. 2021, "LoRA", section 4.1; `scale` is alpha / rank.
    """
    a, b = (half.to(weight.device, torch.float32) for half in adapter)
    return (weight.float() + scale * (b @ a)).to(weight.dtype)
