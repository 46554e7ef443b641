"""Adds embedding and head rows for the time markers to a language model."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.language.tokenizer import Tokenizer


@torch.no_grad()
def add_markers(llm: PreTrainedModel, tokenizer: Tokenizer, *, initialise: bool = True) -> None:
    """Add the markers' rows to the embedding and the prediction head, and initialise them from the digits' rows.

    An anchor starts as the row of its digit, an offset as the mean of the rows of its digit and the point. The head's
    rows start likewise from the head's own rows. Without `initialise` the rows keep the library's random values (the
    paper's ablation "TM (not initialize)").

    Source: paper, Eq. 1 and the sentence after it.
    Differs: the released code copies embedding rows into the head.
    """
    llm.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    if not initialise:
        return
    matrices = [llm.get_input_embeddings().weight, llm.get_output_embeddings().weight]
    for weight in {id(m): m for m in matrices}.values():
        weight[list(tokenizer.marker_ids)] = marker_rows(weight, tokenizer)


def marker_rows(weight: Float[Tensor, "rows dim"], tokenizer: Tokenizer) -> Float[Tensor, "20 dim"]:
    """Return the markers' rows by Eq. 1, anchors first, computed from the other rows of the same matrix."""
    # A tokenizer may put a word-start token before a lone character, so the character is the last token.
    digits = weight[[tokenizer.encode(str(d))[-1] for d in range(10)]]
    point = weight[tokenizer.encode(".")[-1]]
    return torch.cat([digits, (digits + point) / 2])


def with_markers(weight: Float[Tensor, "rows dim"], tokenizer: Tokenizer) -> Float[Tensor, "all dim"]:
    """Return an embedding or head with the markers' rows, extended if the tokenizer has more tokens than rows."""
    grown = weight.new_zeros(max(len(weight), len(tokenizer)), weight.shape[1])
    grown[: len(weight)] = weight
    grown[list(tokenizer.marker_ids)] = marker_rows(weight.float(), tokenizer).to(weight.dtype)
    return grown


def train_only_rows(weight: nn.Parameter, rows: list[int]) -> None:
    """Train only these rows of `weight`: a hook zeroes the gradient of all others.

    Weight decay must be off for `weight`; AdamW then leaves rows with a zero gradient unchanged.
    """
    keep = torch.zeros(weight.shape[0], 1)
    keep[rows] = 1
    weight.requires_grad_(True)
    weight.register_hook(lambda gradient: gradient * keep.to(gradient))
