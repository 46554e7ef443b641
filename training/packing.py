"""Pack several short examples into one row to reduce padding. Examples do not attend to each other.

Positions restart at 0 with each example. The library infers the boundaries from that and masks attention between
examples (`transformers.masking_utils.find_packed_sequence_indices`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def assign_rows(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Assign examples to rows of at most `max_tokens` tokens: the longest first, each into the first row with room.

    With 0, every example gets its own row; so does an example longer than `max_tokens`. Source: first-fit decreasing.
    """
    if max_tokens == 0:
        return [[place] for place in range(len(lengths))]
    rows: list[list[int]] = []
    room: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda p: -lengths[p]):
        fits = next((row for row, free in enumerate(room) if free >= lengths[place]), None)
        if fits is None:
            rows.append([])
            room.append(max_tokens)
            fits = len(rows) - 1
        rows[fits].append(place)
        room[fits] -= lengths[place]
    return rows


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """A micro-batch of language model inputs.

    Attributes:
        embeds: padded on the right [rows, length, dim].
        positions: each token's position in its example; padding counts as an example of its own [rows, length].
        mask: true for tokens that are not padding; None where examples share rows, because `positions` separate them;
            for branches behind a shared prefix (`training.shared_prefix`), an additive attention mask.
        labels: the next token's id at each position, -100 where there is no loss [rows, length].
        num_tokens: positions that are not padding.
    """

    embeds: Float[Tensor, "rows length dim"]
    positions: Int[Tensor, "rows length"]
    mask: Bool[Tensor, "rows length"] | Float[Tensor, "rows 1 length length"] | None
    labels: Int[Tensor, "rows length"]
    num_tokens: int


def pack(
    embeds: Sequence[Float[Tensor, "_ dim"]], labels: Sequence[Int[Tensor, " _"]], max_tokens: int
) -> MicroBatch:  # fmt: skip
    """Pack examples into rows of up to `max_tokens` tokens; 0 gives each its own row.

    `labels` are the ids of the tokens themselves. They are shifted here within each example, so that the last token of
    one example does not predict the first token of the next.
    """
    rows_of_examples = assign_rows([len(example) for example in embeds], max_tokens)
    device = embeds[0].device
    lengths = torch.tensor([sum(len(embeds[p]) for p in row) for row in rows_of_examples], device=device)
    places = torch.arange(int(lengths.max()), device=device)
    no_label = torch.tensor([-100], device=device)
    next_labels = [torch.cat([labels[p][1:], no_label]) for p in range(len(labels))]
    positions = [torch.cat([places[: len(embeds[p])] for p in row]) for row in rows_of_examples]
    padded = [torch.cat([part, places[: len(places) - len(part)]]) for part in positions]
    return MicroBatch(
        pad_sequence([torch.cat([embeds[p] for p in row]) for row in rows_of_examples], batch_first=True),
        torch.stack(padded),
        None if max_tokens else places < lengths[:, None],
        pad_sequence(
            [torch.cat([next_labels[p] for p in row]) for row in rows_of_examples], batch_first=True, padding_value=-100
        ),
        int(lengths.sum()),
    )
