"""Several short examples in one row: none of them sees another, and little is padded.

Positions begin at 0 again with each example. From that the library takes where one ends, and masks attention to each
example alone (`transformers.masking_utils.find_packed_sequence_indices`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def shares(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Which examples share a row of at most `most` tokens: the longest first, each into the first row with room.

    With 0, and for an example longer than that, a row of its own. Source: first-fit decreasing.
    """
    if most == 0:
        return [[place] for place in range(len(lengths))]
    rows: list[list[int]] = []
    room: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda p: -lengths[p]):
        fits = next((row for row, left in enumerate(room) if left >= lengths[place]), None)
        if fits is None:
            rows.append([])
            room.append(most)
            fits = len(rows) - 1
        rows[fits].append(place)
        room[fits] -= lengths[place]
    return rows


@dataclass(frozen=True, slots=True)
class Rows:
    """A micro-batch as the language model takes it.

    Attributes:
        embeds: padded on the right [rows, length, dim].
        positions: each token's place in its example; a row's padding is an example of its own [rows, length].
        mask: which are there; None where examples share rows, as `positions` tell them apart then; for branches behind
            a shared prefix (`training.shared_prefix`), what is added to the attention's scores.
        labels: the next token's id at each position, -100 where none is learned [rows, length].
        num_tokens: positions that are not padding.
    """

    embeds: Float[Tensor, "rows length dim"]
    positions: Int[Tensor, "rows length"]
    mask: Bool[Tensor, "rows length"] | Float[Tensor, "rows 1 length length"] | None
    labels: Int[Tensor, "rows length"]
    num_tokens: int


def rows_of(
    embeds: Sequence[Float[Tensor, "_ dim"]], labels: Sequence[Int[Tensor, " _"]], most: int
) -> Rows:  # fmt: skip
    """Examples as rows, sharing them up to `most` tokens; 0 gives each its own.

    `labels` are those of the tokens themselves: an example's first token is told by nothing before it, and the last one
    of an example does not tell the first one of the next.
    """
    taken = shares([len(example) for example in embeds], most)
    device = embeds[0].device
    lengths = torch.tensor([sum(len(embeds[p]) for p in row) for row in taken], device=device)
    places = torch.arange(int(lengths.max()), device=device)
    nothing = torch.tensor([-100], device=device)
    ahead = [torch.cat([labels[p][1:], nothing]) for p in range(len(labels))]
    positions = [torch.cat([places[: len(embeds[p])] for p in row]) for row in taken]
    padded = [torch.cat([part, places[: len(places) - len(part)]]) for part in positions]
    return Rows(
        pad_sequence([torch.cat([embeds[p] for p in row]) for row in taken], batch_first=True),
        torch.stack(padded),
        None if most else places < lengths[:, None],
        pad_sequence([torch.cat([ahead[p] for p in row]) for row in taken], batch_first=True, padding_value=-100),
        int(lengths.sum()),
    )
