"""Computes prompts into slots, several at once. A prefix that several questions share is computed once."""

from collections.abc import Sequence as Items

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from model.engine.cache import PrefillView
from model.engine.decode import Decoder
from model.engine.sequence import Sequence


def num_new_tokens(sequence: Sequence) -> int:
    """Return the number of tokens that a prefill has to compute: without the prefix if that is cached."""
    return len(sequence.suffix) + (0 if sequence.prefix.states is not None else len(sequence.prefix))


def batches(sequences: Items[Sequence]) -> list[list[Sequence]]:
    """Group sequences of similar length, so that padding adds at most a quarter of the shortest, or 16 tokens."""
    found: list[list[Sequence]] = []
    for sequence in sorted(sequences, key=num_new_tokens):
        shortest = num_new_tokens(found[-1][0]) if found else -1
        if found and num_new_tokens(sequence) <= max(shortest + 16, shortest * 5 // 4):
            found[-1].append(sequence)
        else:
            found.append([sequence])
    return found


def prefill(decoder: Decoder, sequences: Items[Sequence]) -> Float[Tensor, "rows vocabulary"]:
    """Compute the prompts of sequences that have slots, and return the logits after each.

    A sequence whose prefix is not computed yet computes it too.
    """
    model, device = decoder.model, decoder.model.device
    new = [s.suffix if s.prefix.states is not None else torch.cat([s.prefix.embeds, s.suffix]) for s in sequences]
    numbers = torch.tensor(
        [[s.slot, len(tokens), s.num_prompt_tokens - len(tokens)] for s, tokens in zip(sequences, new, strict=True)]
    )
    slots, lengths, before = numbers.unbind(dim=1)
    most, most_before = int(lengths.max()), int(before.max())
    column = torch.arange(most)
    rows, columns = (column < lengths[:, None]).nonzero(as_tuple=True)
    last = lengths.unique() - 1

    causal = (column[:, None] >= column).expand(len(new), -1, -1)
    is_prefix = (torch.arange(most_before) < before[:, None])[:, None].expand(-1, most, -1)
    seen = torch.cat([is_prefix, causal], dim=2).to(device)
    view = PrefillView(
        decoder.states,
        rows.to(device),
        columns.to(device),
        slots[rows].to(device),
        (before[rows] + columns).to(device),
        _prefixes(decoder, sequences, most_before),
    )
    positions = (before[:, None] + column).to(device)
    logits = model(pad_sequence(new, batch_first=True), positions, seen, view, keep=last.to(device))
    for sequence in sequences:
        _settle(decoder, sequence)
    return logits[torch.arange(len(new)), torch.searchsorted(last, lengths - 1)]


def _prefixes(decoder: Decoder, sequences: Items[Sequence], length: int) -> Tensor | None:
    """Copy the cached prefixes into the slots; return them padded: [layers, 2, rows, heads, length, head_dim]."""
    if length == 0:
        return None
    states = decoder.states
    found = states.new_zeros(*states.shape[:2], len(sequences), states.shape[3], length, states.shape[5])
    for row, sequence in enumerate(sequences):
        if (prefix := sequence.prefix.states) is not None:
            size = prefix.shape[4]
            found[:, :, row, :, :size] = prefix[:, :, 0]
            states[:, :, sequence.slot, :, :size] = prefix[:, :, 0]
    return found


def _settle(decoder: Decoder, sequence: Sequence) -> None:
    """Record that the prompt is in its slot, and keep the prefix if other sequences wait for it."""
    prefix, slot = sequence.prefix, sequence.slot
    sequence.num_entries = sequence.num_prompt_tokens
    decoder.visible[slot] = False
    decoder.visible[slot, :, : sequence.num_entries] = True
    if prefix.num_waiting and prefix.states is None:
        prefix.states = decoder.states[:, :, slot : slot + 1, :, : len(prefix)].clone()
