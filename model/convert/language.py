"""Checks what the released checkpoints expect of the language model besides weights: tokenizer and rotation."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from transformers import PretrainedConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from model.errors import CheckpointError
from model.language.tokenizer import Tokenizer, library_tokenizer

PAD: str = "[PAD]"
"""The token that the released code adds before the markers: id 32000, after Vicuna's 32,000 tokens."""


def released_tokenizer(path: Path) -> Tokenizer:
    """Load the language model's tokenizer and extend it as the released code does: `[PAD]`, then the markers.

    Args:
        path: a directory, or a sentencepiece file.

    Raises:
        CheckpointError: there is no tokenizer.
    """
    library = library_tokenizer(path)
    # Also if the files name another pad token: some of Vicuna's name `<unk>`.
    library.add_special_tokens({"pad_token": PAD})
    return Tokenizer(library)


def check_rotation(state: Mapping[str, Tensor], llm: PretrainedConfig, where: str) -> None:
    """Check that the rotary frequencies in a file, which are not loaded, match the language model's config.

    Raises:
        CheckpointError: they differ.
    """
    stored = next((tensor for name, tensor in state.items() if name.endswith(".rotary_emb.inv_freq")), None)
    if stored is None:
        return
    computed = LlamaRotaryEmbedding(llm).inv_freq
    if stored.shape != computed.shape or not torch.allclose(stored.float(), computed, rtol=1e-2):
        raise CheckpointError(
            f"{where} was trained with another rotary embedding than the one in the language model's config: give the "
            "language model that it was trained on (for the released file: vicuna-7b-v1.5)."
        )
