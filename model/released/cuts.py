"""Pretrained parts made smaller before they become a start: fewer layers, fewer pieces, a narrower connector.

What is cut has to learn again what the rest had left to it: a start of cut parts is for training, not for use.
"""

import dataclasses
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from transformers import AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase, WhisperConfig

from model.config import QFormerConfig
from model.errors import CheckpointError
from model.released.nets import Net

_LAYER = re.compile(r"model\.layers\.(\d+)\.")
_PER_LAYER = ("layer_types", "no_rope_layers")
"""Lists in configs of the library that say something about each layer."""

HEAD_DIM = 64
"""Width of a Q-Former's head where nobody says otherwise: bert-base's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """What of each part stays; None leaves it whole.

    Attributes:
        whisper_layers: how many of the speech encoder's layers, from the first.
        llm_layers: which of the language model's layers, such as `0-2,8`.
        llm_vocabulary: how many pieces of the language model's tokenizer, from the first.
        connector_dim: width of the Q-Former.
    """

    whisper_layers: int | None = None
    llm_layers: str | None = None
    llm_vocabulary: int | None = None
    connector_dim: int | None = None

    def described(self) -> list[str]:
        """A line for the model card about each cut that was made."""
        lines = {
            "the speech encoder keeps its first {} layers": self.whisper_layers,
            "the language model keeps its layers {} (the first is 0)": self.llm_layers,
            "its tokenizer keeps its first {} pieces": self.llm_vocabulary,
        }
        return [line.format(value) for line, value in lines.items() if value is not None]


WHOLE = Cuts()


def first_layers(speech: Net, config: WhisperConfig, num_layers: int | None) -> tuple[Net, dict[str, Tensor]]:
    """A Whisper encoder's first layers, and the tensors that take others' places; `config` is changed.

    The last layer norm was trained on the last layer's output. Where that is cut off, it starts as the identity.

    Raises:
        CheckpointError: it has fewer layers.
    """
    if num_layers is None:
        return speech, {}
    if not 1 <= num_layers <= config.encoder_layers:
        raise CheckpointError(
            f"--whisper-layers {num_layers}: {speech.origin} has {config.encoder_layers} encoder layers; give 1 to "
            f"{config.encoder_layers}."
        )
    if num_layers == config.encoder_layers:
        return speech, {}
    config.encoder_layers = config.num_hidden_layers = num_layers

    def kept(name: str) -> str | None:
        layer = re.match(r"layers\.(\d+)\.", name)
        return name if layer is None or int(layer[1]) < num_layers else None

    norm = speech.read(["layer_norm.weight", "layer_norm.bias"])
    fresh = {name: torch.full_like(tensor, float(name.endswith("weight"))) for name, tensor in norm.items()}
    return speech.renamed(kept), fresh


def layer_numbers(text: str, num_layers: int) -> tuple[int, ...]:
    """The layers that `0-2,8` names, of so many.

    Raises:
        CheckpointError: it is no such list, or names a layer that is not there, twice, or out of order.
    """
    fault = f"--llm-layers {text}: "
    numbers: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if found is None:
            raise CheckpointError(f"{fault}{part!r} is neither a layer nor a range of layers, as in 0-2,8.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise CheckpointError(f"{fault}the range {part.strip()} ends before it begins.")
        if last >= num_layers:
            raise CheckpointError(f"{fault}there is no layer {last}, the layers are 0 to {num_layers - 1}.")
        numbers += range(first, last + 1)
    if twice := [number for number in numbers if numbers.count(number) > 1]:
        raise CheckpointError(f"{fault}layer {twice[0]} is named twice.")
    if numbers != sorted(numbers):
        raise CheckpointError(f"{fault}the layers keep their order: give rising numbers.")
    return tuple(numbers)


def some_layers(llm: Net, config: PretrainedConfig, text: str | None) -> Net:
    """A language model with the layers that `text` names, numbered anew; `config` is changed.

    Raises:
        CheckpointError: the list is wrong, or the model's layers are not named as Llama's.
    """
    if text is None:
        return llm
    if not any(_LAYER.match(name) for name in llm.shapes) or not hasattr(config, "num_hidden_layers"):
        raise CheckpointError(
            f"--llm-layers needs a language model whose layers are named model.layers.0 and so on, as Llama's; "
            f"{llm.origin} ({config.model_type}) has other names: leave the option out."
        )
    layers = layer_numbers(text, config.num_hidden_layers)
    places = {layer: place for place, layer in enumerate(layers)}
    config.num_hidden_layers = len(layers)
    for key in _PER_LAYER:
        if (values := getattr(config, key, None)) is not None:
            setattr(config, key, [values[layer] for layer in layers])

    def renumbered(name: str) -> str | None:
        found = _LAYER.match(name)
        if found is None:
            return name
        place = places.get(int(found[1]))
        return None if place is None else f"model.layers.{place}.{name[found.end() :]}"

    return llm.renamed(renumbered)


def first_pieces(tokenizer: PreTrainedTokenizerBase, num_pieces: int | None) -> PreTrainedTokenizerBase:
    """A byte-level BPE tokenizer with its first pieces alone, under the ids that they had.

    Byte-level BPE numbers special pieces and bytes first, then each merge's result in the order of the merges. So
    whatever stays can still be made from bytes, and every text that could be written can be written.

    Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2; bytes
    instead of characters: Radford et al. 2019.

    Raises:
        CheckpointError: it is of another kind, has fewer pieces, or a special piece or byte would be cut off.
    """
    if num_pieces is None:
        return tokenizer
    option = f"--llm-vocabulary {num_pieces}"
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        path = Path(folder) / "tokenizer.json"
        fields = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        model = fields.get("model", {})
        if model.get("type") != "BPE" or model.get("byte_fallback") or not _is_byte_level(fields.get("pre_tokenizer")):
            raise CheckpointError(f"{option} needs a byte-level BPE tokenizer; this one is not: leave the option out.")
        vocabulary: dict[str, int] = model["vocab"]
        ids = vocabulary | {token["content"]: token["id"] for token in fields["added_tokens"]}
        if num_pieces > len(ids):
            raise CheckpointError(f"{option}: the tokenizer has only {len(ids)} pieces.")
        needed = {piece: ids[piece] for piece in ByteLevel.alphabet() if piece in ids}
        needed |= {token["content"]: token["id"] for token in fields["added_tokens"]}
        if lost := {piece: number for piece, number in needed.items() if number >= num_pieces}:
            piece, number = max(lost.items(), key=lambda item: item[1])
            raise CheckpointError(
                f"{option} would cut off {len(lost)} special pieces or bytes, {piece!r} with id {number} the last: "
                f"give at least {number + 1}, or leave the option out."
            )
        model["vocab"] = {piece: number for piece, number in vocabulary.items() if number < num_pieces}
        model["merges"] = [merge for merge in model["merges"] if _is_within(merge, model["vocab"])]
        path.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _is_within(merge: str | list[str], kept: Mapping[str, int]) -> bool:
    """Whether both halves of a merge, and what they make, are among the kept pieces."""
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first in kept and second in kept and first + second in kept


def _is_byte_level(pre_tokenizer: Mapping[str, Any] | None) -> bool:
    if pre_tokenizer is None:
        return False
    return pre_tokenizer["type"] == "ByteLevel" or any(map(_is_byte_level, pre_tokenizer.get("pretokenizers", ())))


def fresh_qformer(dim: int | None, num_heads: int | None) -> QFormerConfig:
    """A fresh Q-Former's sizes: as given, and otherwise in bert-base's proportions.

    Raises:
        CheckpointError: the width is no multiple of the heads.
    """
    whole = QFormerConfig()
    dim = dim or whole.dim
    if num_heads is None and dim % HEAD_DIM:
        raise CheckpointError(f"--connector-dim {dim} is no multiple of {HEAD_DIM}: say --qformer-heads too.")
    heads = num_heads or dim // HEAD_DIM
    if dim % heads:
        raise CheckpointError(f"--connector-dim {dim} cannot be shared out among {heads} heads: give a multiple.")
    return dataclasses.replace(whole, dim=dim, num_heads=heads, feed_forward_dim=4 * dim)
