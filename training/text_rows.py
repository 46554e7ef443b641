"""The language model's input for a micro-batch: each row's text around the audio tokens of its recording."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.packing import Rows, rows_of
from training.shared_prefix import Branch, branched

Embed = Callable[[Tensor], Tensor]
"""Ids [length] to embeddings [length, dim]."""


@dataclass(frozen=True, slots=True)
class Text:
    """A row's ids: before the audio, after it, and the answer with its end."""

    before: list[int]
    after: list[int]
    answer: list[int]


def separate_rows(embed: Embed, audio: Sequence[Tensor], texts: Sequence[Text], most: int) -> Rows:
    """Give each text its own copy of the audio tokens. `most` is how many tokens share a row (`packing.rows_of`)."""
    examples, labels = [], []
    device = audio[0].device
    for tokens, text in zip(audio, texts, strict=True):
        ids = torch.tensor(text.before + text.after + text.answer, device=device)
        embedded, split = embed(ids), len(text.before)
        examples.append(torch.cat([embedded[:split], tokens.to(embedded.dtype), embedded[split:]]))
        ahead = torch.full((len(text.before) + len(tokens) + len(text.after),), -100, device=device)
        labels.append(torch.cat([ahead, torch.tensor(text.answer, device=device)]))
    return rows_of(examples, labels, most)


def shared_rows(embed: Embed, audio: Sequence[Tensor], texts: Sequence[Text]) -> Rows:
    """Put the texts of a recording, those with the same tensor in `audio`, behind one copy of it.

    The prompts of all texts begin alike.
    """
    device = audio[0].device
    recordings: dict[int, list[int]] = {}
    for place, tokens in enumerate(audio):
        recordings.setdefault(id(tokens), []).append(place)
    prefixes, branches = [], []
    for places in recordings.values():
        before = embed(torch.tensor(texts[places[0]].before, device=device))
        prefixes.append(torch.cat([before, audio[places[0]].to(before.dtype)]))
        branches.append([_branch(embed, texts[place], device) for place in places])
    return branched(prefixes, branches)


def _branch(embed: Embed, text: Text, device: torch.device) -> Branch:
    ids = torch.tensor(text.after + text.answer, device=device)
    labels = ids.clone()
    labels[: len(text.after)] = -100
    return Branch(embed(ids), labels)
