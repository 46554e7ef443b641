"""Load the language model of a checkpoint strictly: the library would leave missing weights random."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from model.errors import CheckpointError, MissingWeights, UnexpectedWeights
from model.gguf_tensors import gguf_files
from model.language.gguf_file import read_gguf
from model.language.quantize import Quantization, quantization_config


def load_language_model(
    folder: Path, dtype: torch.dtype, device: str, quantize: Quantization | None
) -> PreTrainedModel:
    """Load a causal language model from a folder in the library's layout, or packed as GGUF.

    Raises:
        CheckpointError: a file is missing or damaged, weights are missing or unexpected, or it is packed and `quantize`
            is given.
    """
    is_packed = bool(gguf_files(folder))
    if is_packed and quantize is not None:
        raise CheckpointError(f"{folder} is already packed in fewer bits: serve it without {quantize}.")
    fewer_bits: dict[str, Any] = {}
    if quantize is not None:
        fewer_bits = {"quantization_config": quantization_config(quantize, dtype), "device_map": {"": device}}
    logging.disable_progress_bar()  # our own logs and commands report progress
    llm: PreTrainedModel
    try:
        if is_packed:
            return read_gguf(folder, dtype)
        llm, loading = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **fewer_bits,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} is not a causal language model in the layout of transformers: {error}"
        ) from None
    if missing := sorted(loading["missing_keys"]):
        raise MissingWeights(missing, where=str(folder))
    if unexpected := sorted(loading["unexpected_keys"]):
        raise UnexpectedWeights(unexpected, where=str(folder))
    return llm
