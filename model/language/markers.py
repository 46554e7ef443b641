"""Embedding and head rows of the time markers."""

import torch
from jaxtyping import Float
from torch import Tensor

from model.language.tokenizer import Tokenizer


def marker_rows(weight: Float[Tensor, "rows dim"], tokenizer: Tokenizer) -> Float[Tensor, "20 dim"]:
    """Return the markers' rows, anchors first, computed from the digits' rows of the same matrix.

    An anchor starts as the row of its digit, an offset as the mean of the rows of its digit and the point. The rows of
    the head come from the head's own rows.

    Source: paper, Eq. 1 and the sentence after it.
    Differs: the released code copies embedding rows into the head.
    """
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
