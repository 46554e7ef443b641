"""Adapters: low-rank updates of the language model in `peft`'s layout, merged when a checkpoint is loaded."""

import warnings
from pathlib import Path

from transformers import PreTrainedModel


def merge_adapter(llm: PreTrainedModel, directory: Path) -> PreTrainedModel:
    """Return the language model with the adapter in `directory` added to its weights."""
    from peft import PeftModel  # imported here because it takes a second, and most checkpoints have no adapter

    with warnings.catch_warnings():
        # peft 0.21 reads an attribute that transformers 5.24 calls deprecated. A user can do nothing about that.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        merged: PreTrainedModel = PeftModel.from_pretrained(llm, directory).merge_and_unload()
    return merged
