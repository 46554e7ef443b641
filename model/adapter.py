"""Merges a checkpoint's LoRA adapter, in peft's layout, into its language model.

A plain adapter needs no peft, whose import and wrapping take most of a second: each matrix gets
`lora_alpha / r * B @ A` added. peft merges every other kind.

Source: Hu et al. 2021, "LoRA", Eq. 3.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

WEIGHTS = "adapter_model.safetensors"

_NO_EFFECT = {
    "auto_mapping", "base_model_name_or_path", "inference_mode", "init_lora_weights", "lora_dropout", "megatron_core",
    "peft_version", "qalora_group_size", "revision", "task_type",
}  # fmt: skip
"""Settings of training, and of features that another setting switches on."""
_UNDERSTOOD = {"peft_type": "LORA", "bias": "none"}
_PREFIX = "base_model.model."


def merge_adapter(llm: PreTrainedModel, directory: Path) -> PreTrainedModel:
    """Return the language model with the adapter in `directory` merged into it.

    Raises:
        OSError, ValueError: as peft, if the adapter is missing, damaged or of an unknown kind.
    """
    if (changes := _plain_adapter(llm, directory)) is None:
        return merge_with_peft(llm, directory)
    for layer, scale, up, down in changes:
        layer.weight.data += up @ down * scale
    return llm


def merge_with_peft(llm: PreTrainedModel, directory: Path) -> PreTrainedModel:
    """Do the same with peft, which knows every kind of adapter."""
    from peft import PeftModel

    merged: PreTrainedModel = PeftModel.from_pretrained(llm, directory).merge_and_unload()
    return merged


def _plain_adapter(llm: PreTrainedModel, directory: Path) -> list[tuple[nn.Linear, float, Tensor, Tensor]] | None:
    """Return each adapted layer with its scale and its matrices B and A; None if anything is unusual."""
    try:
        config = json.loads((directory / "adapter_config.json").read_text(encoding="utf-8"))
        tensors = load_file(directory / WEIGHTS)
    except (OSError, ValueError, SafetensorError):
        return None
    if not _is_plain(config):
        return None
    layers = dict(llm.named_modules())
    found = []
    for name in {key.rpartition(".lora_")[0] for key in tensors}:
        up, down = tensors.pop(f"{name}.lora_B.weight", None), tensors.pop(f"{name}.lora_A.weight", None)
        layer = layers.get(name.removeprefix(_PREFIX))
        if up is None or down is None or type(layer) is not nn.Linear or layer.weight.dtype is not torch.float32:
            return None
        if name.rpartition(".")[2] not in config["target_modules"]:
            return None
        if up.shape != (layer.out_features, config["r"]) or down.shape != (config["r"], layer.in_features):
            return None
        found.append((layer, config["lora_alpha"] / config["r"], up.float(), down.float()))
    return None if tensors else found


def _is_plain(config: Mapping[str, Any]) -> bool:
    """Whether an adapter's config asks for nothing but one rank and one scale for the listed modules."""
    if not isinstance(config.get("target_modules"), list) or not config.get("r") or "lora_alpha" not in config:
        return False
    if config.get("init_lora_weights", True) not in (True, False):  # others change the base weights too
        return False
    if config.get("peft_type") != "LORA":
        return False
    others = config.keys() - _NO_EFFECT - {"target_modules", "r", "lora_alpha"}
    return all(not config[key] or config[key] == _UNDERSTOOD.get(key) for key in others)
