"""The language model's input for a micro-batch: each row's text around the audio tokens of its recording."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.packing import MicroBatch, pack
from training.shared_prefix import Branch, pack_branches

Embed = Callable[[Tensor], Tensor]
"""Ids [length] to embeddings [length, dim]."""


@dataclass(frozen=True, slots=True)
class TokenizedRow:
    """A row as token ids: before the audio, after it, and the answer with the end token.

    `is_out_of_fold`: whether its audio tokens come from the other connector (`training.out_of_fold`).
    """

    before: list[int]
    after: list[int]
    answer: list[int]
    is_out_of_fold: bool = False


def separate_rows(
    embed: Embed, audio: Sequence[Tensor], examples: Sequence[TokenizedRow], max_tokens: int
) -> MicroBatch:
    """Give each example its own copy of the audio tokens. Rows hold up to `max_tokens` tokens (`packing.pack`)."""
    sequences, labels = [], []
    device = audio[0].device
    for tokens, example in zip(audio, examples, strict=True):
        ids = torch.tensor(example.before + example.after + example.answer, device=device)
        embedded, split = embed(ids), len(example.before)
        sequences.append(torch.cat([embedded[:split], tokens.to(embedded.dtype), embedded[split:]]))
        no_labels = torch.full((len(example.before) + len(tokens) + len(example.after),), -100, device=device)
        labels.append(torch.cat([no_labels, torch.tensor(example.answer, device=device)]))
    return pack(sequences, labels, max_tokens)


def shared_rows(embed: Embed, audio: Sequence[Tensor], examples: Sequence[TokenizedRow]) -> MicroBatch:
    """Put the examples of each recording (those with the same tensor in `audio`) behind one copy of its audio tokens.

    The prompts of all examples begin with the same tokens.
    """
    device = audio[0].device
    recordings: dict[int, list[int]] = {}
    for place, tokens in enumerate(audio):
        recordings.setdefault(id(tokens), []).append(place)
    prefixes, branches = [], []
    for places in recordings.values():
        before = embed(torch.tensor(examples[places[0]].before, device=device))
        prefixes.append(torch.cat([before, audio[places[0]].to(before.dtype)]))
        branches.append([_branch(embed, examples[place], device) for place in places])
    return pack_branches(prefixes, branches)


def _branch(embed: Embed, example: TokenizedRow, device: torch.device) -> Branch:
    ids = torch.tensor(example.after + example.answer, device=device)
    labels = ids.clone()
    labels[: len(example.after)] = -100
    return Branch(embed(ids), labels)
