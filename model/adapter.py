"""Adapters: low-rank updates of the language model in `peft`'s layout, merged when a checkpoint is loaded.

A packed adapter has model.gguf beside its config, instead of peft's adapter_model.safetensors.
"""

import warnings
from pathlib import Path

from gguf import GGUFWriter
from torch import Tensor
from transformers import PreTrainedModel

from model.errors import CheckpointError
from model.gguf_tensors import GGUF_FILE, gguf_files, read_tensors, write_tensors
from model.module_state import read_safetensors

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""peft's own names."""
PREFIX = "base_model.model."
"""The prefix that peft puts before the language model's tensor names. The names in a packed adapter do not have it."""


def read_adapter(directory: Path) -> dict[str, Tensor]:
    """Return an adapter's tensors, keyed by the language model's names for the layers that they change.

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    if packed := gguf_files(directory):
        return read_tensors(packed)
    return {name.removeprefix(PREFIX): tensor for name, tensor in read_safetensors(directory / WEIGHTS).items()}


def pack_adapter(directory: Path, out: Path) -> None:
    """Write a copy of an adapter in 8.5 bits per weight."""
    out.mkdir()
    (out / CONFIG).write_bytes((directory / CONFIG).read_bytes())
    write_tensors(GGUFWriter(out / GGUF_FILE, "adapter"), read_adapter(directory), {})


def merge_adapter(llm: PreTrainedModel, directory: Path) -> PreTrainedModel:
    """Return the language model with the adapter in `directory` added to its weights.

    Raises:
        CheckpointError: the adapter is missing or damaged, or does not fit the language model.
    """
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict  # takes a second; few checkpoints need it

    tensors = {f"{PREFIX}{name}": tensor for name, tensor in read_adapter(directory).items()}
    with warnings.catch_warnings():
        # peft 0.21 reads an attribute that transformers 5.24 calls deprecated. A user can do nothing about that.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        try:
            # Resolved, because peft mistakes a relative path for the name of a model on the hub.
            config = LoraConfig.from_pretrained(str(directory.resolve()))
            config.base_model_name_or_path = None  # a path on the machine that trained it
            adapted = get_peft_model(llm, config, low_cpu_mem_usage=True)  # no random weights: they are overwritten
        except Exception as error:  # peft has many ways to reject a value
            raise CheckpointError(f"{directory / CONFIG} cannot be used ({error}): copy it again.") from None
        try:
            found = set_peft_model_state_dict(adapted, tensors, low_cpu_mem_usage=True)
        except RuntimeError as error:
            raise CheckpointError(f"{directory} does not fit the language model: {error}") from None
        missing = [name for name in found.missing_keys if ".lora_" in name]
        if missing or found.unexpected_keys:
            name = [*missing, *found.unexpected_keys][0]
            raise CheckpointError(f"{directory} does not fit the language model: {name} is on one side only.")
        merged: PreTrainedModel = adapted.merge_and_unload()
    return merged
