"""Put several questions about one recording into one row that holds the audio tokens once.

The prompt up to the end of the audio is the prefix; each question with its answer is a branch. A branch attends to the
prefix and to itself, and its positions continue from the prefix. Its hidden states are the same as in a row of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from training.packing import MicroBatch

PREFIX, PADDING = 0, -1


@dataclass(frozen=True, slots=True)
class Branch:
    """A question and its answer.

    Attributes:
        embeds: embeddings of the tokens [length, dim].
        labels: ids of the same tokens, -100 where there is no loss [length].
    """

    embeds: Float[Tensor, "length dim"]
    labels: Int[Tensor, " length"]


def pack_branches(prefixes: Sequence[Float[Tensor, "_ dim"]], branches: Sequence[Sequence[Branch]]) -> MicroBatch:
    """Build one row per prefix with all of its branches. The mask is additive [rows, 1, length, length]."""
    device = prefixes[0].device
    no_label = torch.tensor([-100], device=device)
    embeds, labels, positions, owners = [], [], [], []
    for prefix, some in zip(prefixes, branches, strict=True):
        start = len(prefix)
        embeds.append(torch.cat([prefix, *(branch.embeds for branch in some)]))
        next_labels = [torch.cat([branch.labels[1:], no_label]) for branch in some]
        labels.append(torch.cat([no_label.expand(start), *next_labels]))
        lengths = [len(branch.labels) for branch in some]
        positions.append(torch.cat([torch.arange(start), *(start + torch.arange(n) for n in lengths)]).to(device))
        owner = [torch.full((n,), number) for number, n in enumerate([start, *lengths])]
        owners.append(torch.cat(owner).to(device))
    owned = pad_sequence(owners, batch_first=True, padding_value=PADDING)
    is_causal = torch.ones(owned.shape[1], owned.shape[1], dtype=torch.bool, device=device).tril()
    is_shared = (owned[:, None, :] == PREFIX) | (owned[:, None, :] == owned[:, :, None])
    rows = pad_sequence(embeds, batch_first=True)
    is_cast = torch.is_autocast_enabled(device.type)
    dtype = torch.get_autocast_dtype(device.type) if is_cast else rows.dtype
    mask = torch.zeros(is_shared.shape, dtype=dtype, device=device)
    mask = mask.masked_fill(~(is_shared & is_causal), torch.finfo(dtype).min)
    return MicroBatch(
        rows,
        pad_sequence(positions, batch_first=True),
        mask[:, None],
        pad_sequence(labels, batch_first=True, padding_value=-100),
        sum(len(owner) for owner in owners),
    )
