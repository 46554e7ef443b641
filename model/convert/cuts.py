"""Reduces pretrained parts before training: fewer layers, fewer tokenizer pieces, a narrower connector.

The remaining parts have to relearn what the removed ones did, so the result is only useful for training.
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
from model.convert.nets import Net
from model.errors import CheckpointError
from model.timeline.task import TASKS, Task

_LAYER = re.compile(r"model\.layers\.(\d+)\.")
_PER_LAYER = ("layer_types", "no_rope_layers")
"""Fields of library configs that hold one value per layer."""

HEAD_DIM = 64
"""Default width of a Q-Former head, as in bert-base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """What to keep of each part; None keeps all of it.

    Attributes:
        whisper_layers: number of layers of the speech encoder, from the first.
        llm_layers: layers of the language model, such as `0-2,8`.
        llm_vocabulary: number of pieces of the language model's tokenizer, from the first.
        connector_dim: width of the Q-Former.
        tasks: what the checkpoint will be trained to answer; a server refuses the others.
    """

    whisper_layers: int | None = None
    llm_layers: str | None = None
    llm_vocabulary: int | None = None
    connector_dim: int | None = None
    tasks: tuple[Task, ...] = TASKS

    def described(self) -> list[str]:
        """Return a line for the model card about each cut."""
        lines = {
            "the speech encoder keeps its first {} layers": self.whisper_layers,
            "the language model keeps its layers {} (the first is 0)": self.llm_layers,
            "its tokenizer keeps its first {} pieces": self.llm_vocabulary,
        }
        return [line.format(value) for line, value in lines.items() if value is not None]


WHOLE = Cuts()


def first_layers(speech: Net, config: WhisperConfig, num_layers: int | None) -> tuple[Net, dict[str, Tensor]]:
    """Return a Whisper encoder's first layers, and the tensors that replace others. Modifies `config`.

    The final layer norm was trained on the last layer's output. Without that layer, it starts as the identity.

    Raises:
        CheckpointError: the encoder has fewer layers.
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
    """Parse a list of layers such as `0-2,8`, for a model with `num_layers` layers.

    Raises:
        CheckpointError: the list is malformed, or a layer does not exist, is named twice, or is out of order.
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
            raise CheckpointError(f"{fault}the model has no layer {last}; the layers are 0 to {num_layers - 1}.")
        numbers += range(first, last + 1)
    if twice := [number for number in numbers if numbers.count(number) > 1]:
        raise CheckpointError(f"{fault}layer {twice[0]} is named twice.")
    if numbers != sorted(numbers):
        raise CheckpointError(f"{fault}the layers keep their order: list them in rising order.")
    return tuple(numbers)


def some_layers(llm: Net, config: PretrainedConfig, text: str | None) -> Net:
    """Return a language model with only the layers in `text`, renumbered. Modifies `config`.

    Raises:
        CheckpointError: the list is wrong, or the model's layers are not named like Llama's.
    """
    if text is None:
        return llm
    if not any(_LAYER.match(name) for name in llm.shapes) or not hasattr(config, "num_hidden_layers"):
        raise CheckpointError(
            f"--llm-layers needs a language model whose layers are named model.layers.0 and so on, like Llama's; "
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
    """Return a byte-level BPE tokenizer with only its first pieces, under the same ids.

    Byte-level BPE numbers special pieces and bytes first, then the result of each merge in the order of the merges. So
    every remaining piece can still be built from bytes, and the tokenizer can still encode every text.

    Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2; bytes
    instead of characters: Radford et al. 2019.

    Raises:
        CheckpointError: it is not byte-level BPE, has fewer pieces, or would lose a special piece or byte.
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
            raise CheckpointError(
                f"{option} needs a byte-level BPE tokenizer, and this model has another: leave the option out."
            )
        vocabulary: dict[str, int] = model["vocab"]
        ids = vocabulary | {token["content"]: token["id"] for token in fields["added_tokens"]}
        if num_pieces > len(ids):
            raise CheckpointError(f"{option}: the tokenizer has only {len(ids)} pieces.")
        needed = {piece: ids[piece] for piece in ByteLevel.alphabet() if piece in ids}
        needed |= {token["content"]: token["id"] for token in fields["added_tokens"]}
        if lost := {piece: number for piece, number in needed.items() if number >= num_pieces}:
            piece, number = max(lost.items(), key=lambda item: item[1])
            raise CheckpointError(
                f"{option} would cut off {len(lost)} special pieces or bytes, the last {piece!r} with id {number}: "
                f"give at least {number + 1}, or leave the option out."
            )
        model["vocab"] = {piece: number for piece, number in vocabulary.items() if number < num_pieces}
        model["merges"] = [merge for merge in model["merges"] if _is_within(merge, model["vocab"])]
        path.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _is_within(merge: str | list[str], kept: Mapping[str, int]) -> bool:
    """Whether both halves of a merge, and its result, are among the kept pieces."""
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first in kept and second in kept and first + second in kept


def _is_byte_level(pre_tokenizer: Mapping[str, Any] | None) -> bool:
    if pre_tokenizer is None:
        return False
    return pre_tokenizer["type"] == "ByteLevel" or any(map(_is_byte_level, pre_tokenizer.get("pretokenizers", ())))


def fresh_qformer(dim: int | None, num_heads: int | None) -> QFormerConfig:
    """Return the sizes of a new Q-Former: as given, and otherwise in bert-base's proportions.

    Raises:
        CheckpointError: the width is not a multiple of the number of heads.
    """
    whole = QFormerConfig()
    dim = dim or whole.dim
    if num_heads is None and dim % HEAD_DIM:
        raise CheckpointError(f"--connector-dim {dim} is not a multiple of {HEAD_DIM}: give --qformer-heads too.")
    heads = num_heads or dim // HEAD_DIM
    if dim % heads:
        raise CheckpointError(f"--connector-dim {dim} cannot be divided among {heads} heads: give a multiple.")
    return dataclasses.replace(whole, dim=dim, num_heads=heads, feed_forward_dim=4 * dim)
