"""Rows for the time markers in a language model that has never seen them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.language.tokenizer import Tokenizer


@torch.no_grad()
def add_markers(llm: PreTrainedModel, tokenizer: Tokenizer, *, initialise: bool = True) -> None:
    """Grow embedding and prediction head by the markers' rows, and start them from the digits' rows.

    An anchor starts as its digit's row, an offset as the mean of its digit's and the point's; in the head likewise,
    from the head's own rows. Without `initialise` the rows keep the library's random start (the paper's ablation
    "TM (not initialize)").

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
    """The markers' rows by Eq. 1, anchors first, from the other rows of the same matrix."""
    # A tokenizer may put a word-start piece before a lone character: the character is its last piece.
    digits = weight[[tokenizer.encode(str(d))[-1] for d in range(10)]]
    point = weight[tokenizer.encode(".")[-1]]
    return torch.cat([digits, (digits + point) / 2])


def with_markers(weight: Float[Tensor, "rows dim"], tokenizer: Tokenizer) -> Float[Tensor, "all dim"]:
    """An embedding or a head, grown where the tokenizer has more pieces, with the markers' rows in their places."""
    grown = weight.new_zeros(max(len(weight), len(tokenizer)), weight.shape[1])
    grown[: len(weight)] = weight
    grown[list(tokenizer.marker_ids)] = marker_rows(weight.float(), tokenizer).to(weight.dtype)
    return grown


def train_only_rows(weight: nn.Parameter, rows: list[int]) -> None:
    """Let `weight` train in these rows alone: the gradient of all others is made zero.

    Weight decay must be off for it; AdamW then leaves rows without a gradient as they are.
    """
    keep = torch.zeros(weight.shape[0], 1)
    keep[rows] = 1
    weight.requires_grad_(True)
    weight.register_hook(lambda gradient: gradient * keep.to(gradient))
