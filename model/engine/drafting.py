"""A step that checks several tokens of each greedy answer at once."""

from collections.abc import Sequence as Items

import torch

from model.engine.decode import Decoder
from model.engine.drafts import Drafter
from model.engine.masks import GrammarMasks
from model.engine.sampling import choose
from model.engine.search import Path
from model.engine.sequence import Sequence
from model.engine.slots import Region

MOST_DRAFTED = 7
STEP_TOKENS = 32
"""Tokens that a step with drafts may compute for all sequences together. Up to about this many, a CPU takes hardly
longer than for one token per sequence."""


def draft(drafter: Drafter, sequences: Items[Sequence], length: int, dtype: torch.dtype) -> int:
    """Draft the next tokens of the greedy paths among sequences of one width.

    Return how many tokens the step computes for each sequence. In bfloat16 this is always the largest possible number:
    a matrix product with another number of rows rounds differently, so an answer would depend on earlier answers. CPUs
    that compute in bfloat16 compute these rows in the same time.

    Args:
        drafter: guesses the tokens.
        sequences: the sequences of one width.
        length: entries of their slots, which bound the drafts.
        dtype: the precision in which the language model computes.
    """
    paths = [s.search for s in sequences if isinstance(s.search, Path)]
    room = min(length - sequence.num_entries for sequence in sequences) - 1
    most = min(MOST_DRAFTED, STEP_TOKENS // len(sequences) - 1, room)
    if most < 1 or not paths:
        return 1
    for path in paths:
        if not path.is_drawn:
            path.draft = drafter.draft(path.last_two, path.state, path.grammar, most)
    return 1 + most if dtype is torch.bfloat16 else max(sequence.num_inputs for sequence in sequences)


def check_drafts(
    decoder: Decoder, masks: GrammarMasks, sequences: Items[Sequence], region: Region, width: int, length: int
) -> None:
    """Compute one step of `width` tokens per path, which checks their drafts, and continue or end the paths.

    The step reads the first `length` entries of each slot.
    """
    inputs = decoder.draft_inputs(sequences, region, width, length)
    logits = decoder.forward(inputs, region.first, region.last)
    before = [sequence.search.num_tokens for sequence in sequences]
    choose(sequences, logits, masks)
    for sequence, num_tokens in zip(sequences, before, strict=True):
        decoder.keep(sequence, sequence.search.num_tokens - num_tokens)
