"""What the released checkpoints expect of the language model beside its weights: its tokenizer, its rotation."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from transformers import PretrainedConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from model.errors import CheckpointError
from model.language.tokenizer import Tokenizer, library_tokenizer

PAD: str = "[PAD]"
"""The piece that the released code adds before the markers: 32000 after Vicuna's 32,000."""


def released_tokenizer(path: Path) -> Tokenizer:
    """The language model's tokenizer as the released code extends it: `[PAD]`, then the markers.

    Args:
        path: a directory, or a sentencepiece file.

    Raises:
        CheckpointError: there is no tokenizer.
    """
    library = library_tokenizer(path)
    library.add_special_tokens(
        {"pad_token": PAD}
    )  # also where the files name another one: `<unk>`, in some of Vicuna's
    return Tokenizer(library)


def check_rotation(state: Mapping[str, Tensor], llm: PretrainedConfig, where: str) -> None:
    """The rotary frequencies in a file, which nobody loads, are those of the language model's config.

    Raises:
        CheckpointError: they are another model's.
    """
    stored = next((tensor for name, tensor in state.items() if name.endswith(".rotary_emb.inv_freq")), None)
    if stored is None:
        return
    computed = LlamaRotaryEmbedding(llm).inv_freq
    if stored.shape != computed.shape or not torch.allclose(stored.float(), computed, rtol=1e-2):
        raise CheckpointError(
            f"{where} was trained on a language model with another rotary embedding than the given one's config says: "
            "give the language model that it was trained on (the released file: vicuna-7b-v1.5)."
        )
