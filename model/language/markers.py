"""Rows for the time markers in a language model that has never seen them."""

import torch
from torch import nn
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
    # A tokenizer may put a word-start piece before a lone character: the character is its last piece.
    digits = [tokenizer.encode(str(d))[-1] for d in range(10)]
    point = tokenizer.encode(".")[-1]
    matrices = [llm.get_input_embeddings().weight, llm.get_output_embeddings().weight]
    for weight in {id(m): m for m in matrices}.values():
        for digit, (anchor, offset) in enumerate(
            zip(tokenizer.marker_ids[:10], tokenizer.marker_ids[10:], strict=True)
        ):
            weight[anchor] = weight[digits[digit]]
            weight[offset] = (weight[digits[digit]] + weight[point]) / 2


def train_only_rows(weight: nn.Parameter, rows: list[int]) -> None:
    """Let `weight` train in these rows alone: the gradient of all others is made zero.

    Weight decay must be off for it; AdamW then leaves rows without a gradient as they are.
    """
    keep = torch.zeros(weight.shape[0], 1)
    keep[rows] = 1
    weight.requires_grad_(True)
    weight.register_hook(lambda gradient: gradient * keep.to(gradient))
